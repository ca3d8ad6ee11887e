"""`factory demo` as a process, for tests that watch it, kill parts of it and start it again."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.registry import Registry

DEVICE = "demo-pi"
TIMEOUT_S = 280.0
SAME = ("factory_accuracy", "device_accuracy", "windows", "model_kb", "macs")


@dataclass
class Demo:
    """A demo with its own folder. `options` are those of the command line."""

    home: Path
    options: tuple[str, ...]

    def run(self) -> dict[str, Any]:
        """Run it to its end; the report."""
        with self.started() as process:
            return self.report(process)

    @contextlib.contextmanager
    def started(self) -> Iterator["subprocess.Popen[bytes]"]:
        """A running demo; killed at the end of the block where it has not ended."""
        command = [sys.executable, "-m", "factory", "demo", "--exit", "--home", str(self.home), *self.options]
        with (self.home.with_suffix(".log")).open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "CI": "true"})
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def report(self, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
        """Wait for the end; the report."""
        status = process.wait(TIMEOUT_S)
        assert status == 0, self.home.with_suffix(".log").read_text()
        report: dict[str, Any] = json.loads((self.home / "report.json").read_text())
        return report

    def await_moment(self, moment: Callable[[Registry], bool], process: "subprocess.Popen[bytes]") -> None:
        """Wait until something is true of what is on disk."""
        until = time.monotonic() + TIMEOUT_S
        while time.monotonic() < until:
            assert process.poll() is None, self.home.with_suffix(".log").read_text()
            if (self.home / "registry.db").exists():
                with Registry.open(self.home) as registry:
                    while process.poll() is None and time.monotonic() < until:
                        if moment(registry):
                            return
                        time.sleep(0.02)
            time.sleep(0.05)
        raise AssertionError("the moment never came")

    def end_state(self, report: dict[str, Any]) -> dict[str, object]:
        """What must be the same however often something was killed on the way."""
        model = hashlib.sha256((self.home / "model" / "model.onnx").read_bytes()).hexdigest()
        with Registry.open(self.home) as registry:
            (release,), device = registry.releases(), registry.device(DEVICE)
            (totals,) = registry.totals(DEVICE)
        assert device.reported is not None
        running = device.reported["running"]
        counts = {"n": totals.n, "confusion": totals.confusion, "model": model, "runs": running == release.release}
        return {**{key: report[key] for key in SAME}, **counts}


def kill(pid: int) -> None:
    """SIGKILL, and wait until it has taken effect."""
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while time.monotonic() < until and _alive(pid):
        time.sleep(0.02)


def child_of(pid: int, word: str) -> int:
    """The child of a process that has this word in its command line."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and word.encode() in (entry / "cmdline").read_bytes():
                return int(entry.name)
    raise AssertionError(f"process {pid} has no child {word!r}")


def _alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
