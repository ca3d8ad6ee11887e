"""Work on the machines of a Dask cluster, through the executor that Dask offers.

Rules
1. Whatever a worker computes must not depend on which one it is: they all have the versions of this process, and a
   worker with several threads takes one piece of work at a time all the same.
2. Arrays travel once to each worker, as a plugin of the worker: so Dask also brings them to those that join later, or
   start again.
3. A worker that is lost in the middle of its work is Dask's to replace: another one does that work from its beginning.
   Work that `distributed.scheduler.allowed-failures` workers died of is given up.
4. Nothing waits for ever: a scheduler that does not answer, has no workers, or goes away ends the block within
   `CONNECT_S` or the time-outs of Dask's connections.
5. Whoever leaves the block by an exception leaves nothing in the scheduler's queue. What a worker is in the middle of
   there cannot be stopped; its result is thrown away.
"""

import contextlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from importlib.metadata import PackageNotFoundError, version
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from factory.errors import BadInput, Unavailable
from factory.executor.pool import Pool
from factory.executor.shared import Array, Shared, deliver, take_back

try:
    from distributed import Client, KilledWorker, Worker, WorkerPlugin
except ImportError as error:
    raise BadInput("--cluster", "Dask is not installed here", "Run: pip install 'cygnet[cluster]'") from error

CONNECT_S = 10.0  # that the scheduler, and then its first worker, may take to answer
CLOSE_S = 5.0
SAME = ("cygnet", "numpy", "onnx", "onnxruntime", "scikit-learn", "torch")  # packages that decide results
START_WORKERS = "Start some: dask worker {address} --nthreads 1 --nworkers 4"

P = ParamSpec("P")
T = TypeVar("T")
Versions = Mapping[str, str]
_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def connected(address: str) -> Iterator["ClusterPool"]:
    """The workers of the scheduler at `address`.

    Raises:
        BadInput: the address is none, or a worker does not have the versions of this process (rule 1).
        Unavailable: nothing answers, or work was given up (rules 3 and 4).
    """
    _check_address(address)
    client = _client(address)
    try:
        _await_workers(client, address)
        _check_versions(client.run(versions, on_error="return"))
        yield ClusterPool(client)
    except CancelledError as error:
        cure = "start it again and give the same command: what is finished is kept"
        raise Unavailable(f"the connection to the scheduler at {address} was lost; {cure}") from error
    except KilledWorker as error:
        cure = "perhaps they have too little memory; what is finished is kept"
        raise Unavailable(f"the workers at {address} were killed again and again, {cure}") from error
    finally:
        client.close(timeout=CLOSE_S)


class ClusterPool(Pool):
    """The workers that a client's scheduler has."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.get_executor(pure=False), len(client.nthreads()))
        self._client = client

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See `Pool.submit`; rule 1."""
        return self._executor.submit(_alone, fn, *args, **kwargs)

    @contextlib.contextmanager
    def share(self, **arrays: Array) -> Iterator[Shared]:
        """See `Pool.share`; rule 2."""
        parcel = f"cygnet-{uuid.uuid4()}"
        deliver(parcel, arrays)
        try:
            self._client.register_plugin(_Delivery(parcel, arrays), name=parcel)
            yield Shared(parcel=parcel)
        finally:
            take_back(parcel)
            if self._client.status == "running":
                with contextlib.suppress(OSError):  # of a worker that is just being lost: it keeps nothing either
                    self._client.unregister_worker_plugin(parcel)


class _Delivery(WorkerPlugin):
    """Brings arrays to a worker (rule 2)."""

    def __init__(self, parcel: str, arrays: Mapping[str, Array]) -> None:
        self._parcel, self._arrays = parcel, arrays

    def setup(self, worker: Worker) -> None:
        del worker
        deliver(self._parcel, self._arrays)

    def teardown(self, worker: Worker) -> None:
        del worker
        take_back(self._parcel)


def versions() -> Versions:
    """What is installed here of what results depend on."""
    return {name: found for name in SAME if (found := _installed(name))}


def _alone(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs in the worker (rule 1)."""
    with _one_at_a_time:
        return fn(*args, **kwargs)


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"tcp", "tls"} or not parts.hostname:
        raise BadInput("--cluster", f"{address!r} is no scheduler", "Give its address, such as tcp://HOST:8786")


def _client(address: str) -> Client:
    # It reports its tries to connect again as errors with stack traces; rule 4 says in one line what came of them.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False, name="cygnet")
    except OSError as error:
        cure = "Start one: dask scheduler"
        raise Unavailable(f"no Dask scheduler answers at {address} within {CONNECT_S:.0f} s. {cure}") from error


def _await_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError as error:
        cure = START_WORKERS.format(address=address)
        raise Unavailable(f"the scheduler at {address} has no workers after {CONNECT_S:.0f} s. {cure}") from error


def _check_versions(found: Mapping[str, Versions | BaseException]) -> None:
    """Rule 1."""
    here = versions()
    for worker, there in found.items():
        if isinstance(there, BaseException):
            cure = "Install cygnet[factory,cluster] there, in the version of this machine"
            raise BadInput("--cluster", f"worker {worker} cannot run it ({there!r})", cure)
        for name in here:
            if there.get(name) != here[name]:
                problem = f"worker {worker} has {name} {there.get(name, 'not at all')}, this machine {here[name]}"
                raise BadInput("--cluster", problem, "Install the same version on both: results depend on it")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
