"""What every engine offers: the standard `concurrent.futures.Executor`, and arrays handed to its workers."""

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeVar

from factory.executor.shared import Array, Shared

P = ParamSpec("P")
T = TypeVar("T")


class Pool(Executor):
    """An executor whose work is done elsewhere, by `size` workers with one thread each."""

    def __init__(self, executor: Executor, size: int) -> None:
        self._executor = executor
        self.size = size

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a function of a module called by a worker; it, its arguments and its result are pickled."""
        return self._executor.submit(fn, *args, **kwargs)

    @abstractmethod
    def share(self, **arrays: Array) -> AbstractContextManager[Shared]:
        """Hand arrays to every worker, once; valid until the block is left."""
