"""Work on every core: a standard `concurrent.futures.Executor` of processes that stay alive, and arrays handed to them
once.

Rules
1. Whoever uses this sees only `Executor` and `Shared`; another engine that offers `Executor` can take this one's
   place.
2. A worker is a fresh process (nothing of the parent's threads or locks) with one thread for numerics: two processes
   with one thread each beat one with two, and two with default threads are five times slower.
3. Workers live on a leash, a pipe whose other end only the parent holds: when the parent closes it or dies, of
   whatever, they exit at once.
4. Arrays live in anonymous memory files that every worker maps; nothing is left on any disk, whoever is killed.
"""

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.errors import Unavailable

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Shared:
    """Where workers find arrays: name -> path of a memory file and how to read it."""

    arrays: tuple[tuple[str, str, str, tuple[int, ...]], ...]

    def load(self) -> Mapping[str, Array]:
        """The arrays, mapped once a process; what a worker writes to them stays its own."""
        return _mapped(self)


@contextlib.contextmanager
def share(**arrays: Array) -> Iterator[Shared]:
    """Hand arrays to workers of this machine; valid until the block is left (rule 4)."""
    files: list[int] = []
    try:
        entries = []
        for name, array in arrays.items():
            files.append(_memory_file(name, array))
            path = f"/proc/{os.getpid()}/fd/{files[-1]}"
            entries.append((name, path, array.dtype.str, array.shape))
        yield Shared(tuple(entries))
    finally:
        for file in files:
            os.close(file)


@contextlib.contextmanager
def workers(count: int | None = None) -> Iterator[Executor]:
    """`count` worker processes, by default one a core.

    Leaving the block by an exception stops them in the middle of their work (rule 3).

    Raises:
        Unavailable: a worker was killed.
    """
    context = multiprocessing.get_context("spawn")
    held, leash = context.Pipe(duplex=False)
    with held, leash, _environment(ONE_THREAD):
        pool = ProcessPoolExecutor(count or cores(), context, _start, (held,))
        try:
            yield pool
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
    """Runs first in every worker (rules 2 and 3). Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
        stream.write(np.ascontiguousarray(array).data.cast("B"))
    return file


@functools.lru_cache(maxsize=1)
def _mapped(shared: Shared) -> Mapping[str, Array]:
    return {name: np.memmap(path, dtype=kind, mode="c", shape=shape) for name, path, kind, shape in shared.arrays}
