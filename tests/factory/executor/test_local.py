"""Work on the cores of this machine."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest

from factory.errors import Unavailable
from factory.executor import share, workers
from factory.executor.local import ONE_THREAD
from tests.support.work import fail, shape, sleep_in, spoil, total, where

DEADLINE_S = 20.0


def test_it_is_the_standard_interface_on_processes_that_stay() -> None:
    with workers(2) as pool:
        assert isinstance(pool, Executor)
        assert list(pool.map(abs, range(-5, 5))) == [abs(i) for i in range(-5, 5)]
        answers = [pool.submit(where).result() for _ in range(6)]
        with pytest.raises(ValueError, match="of the work"):
            pool.submit(fail).result()
        answers.append(pool.submit(where).result())
    assert os.getpid() not in {process for process, _ in answers}
    assert len({process for process, _ in answers}) <= 2
    assert {threads for _, threads in answers} == {"1"}


def test_the_environment_of_the_parent_is_as_before() -> None:
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    with workers(1):
        pass
    assert {name: os.environ.get(name) for name in ONE_THREAD} == before


def test_arrays_reach_workers_and_workers_cannot_change_them() -> None:
    x, y = np.arange(12, dtype=np.float32).reshape(3, 4), np.array([[1], [2]], dtype=np.int64)
    with workers(1) as pool, pool.share(x=x, y=y, none=x[:0]) as shared:
        assert pool.submit(total, shared, "x").result() == x.sum()
        assert pool.submit(total, shared, "y").result() == y.sum()
        assert pool.submit(shape, shared, "none").result() == (0, 4)
        pool.submit(spoil, shared).result()
        assert np.array_equal(shared.load()["x"], x)


def test_arrays_handed_over_one_after_the_other_at_the_same_place_are_told_apart() -> None:
    for value in (1.0, 2.0):
        with share(X=np.full(3, value)) as shared:
            assert shared.load()["X"].tolist() == [value] * 3


def test_leaving_by_an_exception_stops_work_in_the_middle(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path)
    assert time.monotonic() - began < DEADLINE_S
    assert not any(alive(int(path.name)) for path in tmp_path.iterdir())


def test_a_worker_that_is_killed_is_reported() -> None:
    with pytest.raises(Unavailable, match="worker process was killed"), workers(1) as pool:
        pool.submit(os._exit, 9).result()


def interrupted(folder: Path) -> None:
    with workers(2) as pool:
        for _ in range(4):
            pool.submit(sleep_in, str(folder))
        await_files(folder, 2)
        raise KeyboardInterrupt


def test_workers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n"
        "from tests.support.work import sleep_in\nfrom factory.executor import workers\n"
        "if __name__ == '__main__':\n    with workers(2) as pool:\n"
        f"        [pool.submit(sleep_in, {str(tmp_path / 'pids')!r}) for _ in range(2)]\n        input()\n"
    )
    (tmp_path / "pids").mkdir()
    parent = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE)
    try:
        sleepers = await_files(tmp_path / "pids", 2)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
    end = time.monotonic() + DEADLINE_S
    while any(alive(process) for process in sleepers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(alive(process) for process in sleepers)


def await_files(folder: Path, count: int) -> list[int]:
    """The process ids that are the names of `count` files."""
    end = time.monotonic() + DEADLINE_S
    while len(names := [int(path.name) for path in folder.iterdir()]) < count:
        assert time.monotonic() < end
        time.sleep(0.02)
    return names


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
