"""Work on every core of this machine: processes that stay alive, and arrays that they map.

Rules
1. A worker is a fresh process (nothing of the parent's threads or locks) with one thread for numerics: two processes
   with one thread each beat one with two, and two with default threads are five times slower.
2. Workers live on a leash, a pipe whose other end only the parent holds: when the parent closes it or dies, of
   whatever, they exit at once.
3. Arrays live in anonymous memory files that every worker maps; nothing is left on any disk, whoever is killed.
"""

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection

import numpy as np

from factory.errors import Unavailable
from factory.executor.pool import P, Pool, T
from factory.executor.shared import Array, Shared

_numbers = itertools.count(1)

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class LocalPool(Pool):
    """Processes of this machine."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See `Pool.submit`. A process that this starts inherits that Ctrl-C does not reach it: it is the parent's."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def share(self, **arrays: Array) -> contextlib.AbstractContextManager[Shared]:
        """See `share`."""
        return share(**arrays)


@contextlib.contextmanager
def share(**arrays: Array) -> Iterator[Shared]:
    """Hand arrays to workers of this machine; valid until the block is left (rule 3)."""
    files: list[int] = []
    try:
        entries = []
        for name, array in arrays.items():
            files.append(_memory_file(name, array))
            path = f"/proc/{os.getpid()}/fd/{files[-1]}"
            entries.append((name, path, array.dtype.str, array.shape))
        yield Shared(tuple(entries), number=next(_numbers))
    finally:
        for file in files:
            os.close(file)


@contextlib.contextmanager
def processes(count: int) -> Iterator[LocalPool]:
    """`count` worker processes of this machine.

    Leaving the block by an exception stops them in the middle of their work (rule 2).

    Raises:
        Unavailable: a worker was killed.
    """
    context = multiprocessing.get_context("spawn")
    held, leash = context.Pipe(duplex=False)
    with held, leash, _environment(ONE_THREAD):
        pool = ProcessPoolExecutor(count, context, _start, (held,))
        try:
            yield LocalPool(pool, count)
        except BrokenProcessPool as error:
            cure = "perhaps for lack of memory; try again, what is finished is kept"
            raise Unavailable(f"a worker process was killed, {cure}") from error
        except BaseException:
            leash.close()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def _start(held: Connection) -> None:
    """Runs first in every worker (rules 1 and 2)."""
    os.environ.update(ONE_THREAD)
    threading.Thread(target=_exit_with_parent, args=(held,), daemon=True).start()


def _exit_with_parent(held: Connection) -> None:
    held.poll(None)  # returns when the other end is closed: nothing is ever sent
    os._exit(1)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables for processes that are started inside the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _memory_file(name: str, array: Array) -> int:
    file = os.memfd_create(name)
    with os.fdopen(os.dup(file), "wb") as stream:
        if array.size:  # what is empty has no bytes to look at
            stream.write(np.ascontiguousarray(array).data.cast("B"))
    return file
