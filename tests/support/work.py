"""Work for executors: functions of a module, as every worker can import them."""

import os
import time
from pathlib import Path

from factory.executor import Shared


def total(shared: Shared, name: str) -> float:
    return float(shared.load()[name].sum())


def shape(shared: Shared, name: str) -> tuple[int, ...]:
    return shared.load()[name].shape


def spoil(shared: Shared) -> None:
    shared.load()["x"][:] = -1


def where() -> tuple[int, str]:
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def sleep_in(folder: str, seconds: float = 600.0) -> int:
    """Leaves a file named after its process, then sleeps."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(seconds)
    return os.getpid()


def alone(folder: str) -> bool:
    """Whether nothing else ran in this process meanwhile."""
    file = Path(folder, f"{os.getpid()}.busy")
    file.touch(exist_ok=False)
    time.sleep(0.05)
    file.unlink()
    return True


def fail() -> None:
    raise ValueError("of the work, not of the engine")
