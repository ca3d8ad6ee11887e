"""A real `edge-agent run` process in a home of its own."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class AgentProcess:
    """Enrolled by `enrol`, then started, stopped and killed at will."""

    home: Path
    url: str
    sensor: dict[str, object]
    limits: dict[str, float] = field(default_factory=dict)
    every_s: float = 0.1
    process: subprocess.Popen[bytes] | None = None

    def enrol(self, root: bytes, fleet: str = "home", device: str = "pi") -> "AgentProcess":
        """Make this home a device."""
        broker = {"url": self.url}
        bundle = {"format": 1, "fleet": fleet, "device": device, "broker": broker, "root": json.loads(root)}
        self.home.mkdir(parents=True)
        path = self.home / "bundle.json"
        path.write_text(json.dumps(bundle))
        command(["enrol", str(path), "--home", str(self.home)])
        self.configure()
        return self

    def configure(self) -> None:
        """Write the configuration as the fields say."""
        limits = "".join(f"{key} = {value}\n" for key, value in self.limits.items())
        sensor = "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.sensor.items())
        self.config.write_text(
            f'[agent]\nhome = "."\n[sensor]\n{sensor}[limits]\n{limits}[report]\nevery_s = {self.every_s}\n'
        )

    @property
    def config(self) -> Path:
        return self.home / "agent.toml"

    def start(self) -> subprocess.Popen[bytes]:
        """Run the agent; its log goes to `agent.log` in its home."""
        with (self.home / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "run", str(self.config)], cwd=ROOT, stderr=log
            )
        return self.process

    @property
    def pid(self) -> int:
        """The agent's process id."""
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, as a power cut or the kernel would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def __enter__(self) -> "AgentProcess":
        self.start()
        return self

    def __exit__(self, *rest: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def children(self) -> list[int]:
        """Its child processes."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(pid) for path in tasks for pid in path.read_text().split()]

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.home / "agent.log").read_text()


def command(arguments: list[str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one `edge-agent` command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", *arguments],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not check or done.returncode == 0, done.stderr
    return done
