"""Where work is done: on every core of this machine, or on the workers of a Dask cluster.

Rules
1. Whoever uses this sees only `Pool`, which is a standard `concurrent.futures.Executor`, and `Shared`; which engine is
   behind them changes nothing about the results.
2. Work is functions of modules with small arguments; arrays are shared, so that each worker gets them once.
"""

from contextlib import AbstractContextManager

from factory.executor.local import cores, processes, share
from factory.executor.pool import Pool
from factory.executor.shared import Shared

__all__ = ["Pool", "Shared", "cores", "share", "workers"]


def workers(count: int | None = None, cluster: str | None = None) -> AbstractContextManager[Pool]:
    """`count` processes of this machine, by default one a core; or the workers of the Dask scheduler at `cluster`.

    Raises:
        BadInput: `cluster` is no address, or its workers do not have the versions of this process.
        Unavailable: no scheduler or worker answers there, or a worker was lost again and again.
    """
    if cluster is None:
        return processes(count or cores())
    from factory.executor.cluster import connected  # noqa: PLC0415  (its library is optional, and slow to import)

    return connected(cluster)
