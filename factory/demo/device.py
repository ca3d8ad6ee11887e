"""The demo's Raspberry Pi: a real `edge-agent` process on this machine, started again when it dies."""

import ctypes
import functools
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from factory.errors import FactoryError
from factory.fleet.enrolment import Access, bundle, write_bundle

MAX_RESTARTS = 20
STOP_TIMEOUT_S = 10.0
_PR_SET_PDEATHSIG = 1

_CONFIG = """\
[agent]
home = {home}

[broker]
url = {url}

[sensor]
kind = "replay"
file = {replay}
speed = {speed}

[report]
every_s = 0.5
"""


class DemoDevice:
    """A device with its own folder. Use as a context manager; `watch` starts the agent again where it has died."""

    def __init__(self, folder: Path, name: str, python: str = sys.executable) -> None:
        self.folder = folder
        self.name = name
        self._python = python
        self.replay = folder / "replay.npz"
        self._home = folder / "home"
        self._config = folder / "agent.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = 0

    def enrol(self, fleet: str, access: Access, root_document: bytes, speed: float) -> None:
        """Give the device its identity, once, and its configuration, each time: the broker's port may have changed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        values = {"home": self._home, "url": access.url, "replay": self.replay}
        quoted = {key: json.dumps(str(value)) for key, value in values.items()}
        self._config.write_text(_CONFIG.format(**quoted, speed=speed))
        if not (self._home / "identity.json").exists():
            enrolment = self.folder / "enrolment.json"
            write_bundle(enrolment, bundle(fleet, self.name, access, root_document))
            self._agent("enrol", str(enrolment), "--home", str(self._home))

    def watch(self) -> None:
        """Start the agent unless it runs.

        Raises:
            FactoryError: it keeps dying; the message names its log.
        """
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None:
            self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise FactoryError(
                f"the agent keeps ending (status {self._process and self._process.returncode}); see {self.log}"
            )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._python, "-m", "edge_agent", "run", str(self._config)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509  (one prctl call, prepared before the fork)
            )
        (self.folder / "agent.pid").write_text(str(self._process.pid))

    @property
    def log(self) -> Path:
        """What the agent says."""
        return self.folder / "agent.log"

    def __enter__(self) -> "DemoDevice":
        self.watch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _agent(self, *arguments: str) -> None:
        ran = subprocess.run(
            [self._python, "-m", "edge_agent", *arguments], capture_output=True, text=True, check=False
        )
        if ran.returncode != 0:
            raise FactoryError(f"edge-agent {arguments[0]} ended with status {ran.returncode}: {ran.stderr.strip()}")


def _die_with_parent() -> "functools.partial[int]":
    """A call for the child between fork and exec: the kernel kills it when the demo dies, however that happens."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return functools.partial(prctl, _PR_SET_PDEATHSIG, signal.SIGKILL)
