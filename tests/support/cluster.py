"""A Dask cluster on loopback: a scheduler and workers as processes of their own, as `dask scheduler` and `dask worker`
start them, all gone at the end."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 60.0


class Cluster:
    """A running scheduler, and the workers that were added to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        arguments = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        self._scheduler = self._start("scheduler", *arguments)
        end = time.monotonic() + START_S
        while not file.exists():
            assert time.monotonic() < end, (folder / "scheduler.log").read_text()
            time.sleep(0.05)
        self.address: str = json.loads(file.read_text())["address"]

    def add_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """One worker without a nanny, so that its process can be killed for good."""
        quiet = ("--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        return self._start("worker", self.address, *quiet, *(options or ("--nthreads", "1")))

    def kill_scheduler(self) -> None:
        """As a power cut would."""
        self._scheduler.kill()
        self._scheduler.wait()

    def stop(self) -> None:
        """End everything."""
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()

    def _start(self, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "factory")))
        with (self._folder / f"{role}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", role, *arguments],
                cwd=self._folder,
                env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: int = 0) -> Iterator[Cluster]:
    """A cluster that lasts while the block does."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.stop()
