"""`edge-agent doctor`: what of this device is fit or not, and what to do about it.

Each check gives one finding: ok, a warning (the agent runs, but somebody should know), or a failure (the agent will
not run). The exit status is 0, 1 or 2 by the worst of them.
"""

import asyncio
import json
import os
import platform
import shutil
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path

from edge_agent import config as configs
from edge_agent import identity, runtime, sensors
from edge_agent.config import Config
from edge_agent.errors import AgentError, BadConfig, RunnerFailed

MIN_PYTHON = (3, 11)
MIN_BITS = 64
MIN_RAM_MB = 400
MIN_DISK_MB = 200
CONNECT_TIMEOUT_S = 5.0
OLDEST_SANE_TIME = 1_750_000_000.0  # 2025-06-15; a clock before it has never been set


class Fitness(IntEnum):
    """How a finding turned out; the worst one is the exit status."""

    OK = 0
    WARNING = 1
    FAILURE = 2


@dataclass(frozen=True)
class Finding:
    """One line of the table."""

    check: str
    fitness: Fitness
    found: str
    cure: str = ""


def examine(path: Path) -> list[Finding]:
    """Every check; those that need a readable configuration only where there is one."""
    general = [_python(), _bits(), _runtime(), _memory(), _clock()]
    try:
        config = configs.load(path)
    except BadConfig as error:
        return [*general, Finding("configuration", Fitness.FAILURE, str(error), "Correct it, then run this again")]
    special: dict[str, Callable[[Config], Finding]] = {
        "home": _home,
        "disk": _disk,
        "identity": _identity,
        "trust": _trust,
        "broker": _broker,
        "sensor": _sensor,
    }
    findings = [Finding("configuration", Fitness.OK, str(path))]
    for name, check in special.items():
        try:
            findings.append(check(config))
        except AgentError as error:
            findings.append(Finding(name, Fitness.FAILURE, str(error), "Do what the line says, then run this again"))
    return [*general, *findings]


def exit_status(findings: list[Finding]) -> int:
    """0 all is well, 1 there are warnings, 2 the agent will not run."""
    return int(max(one.fitness for one in findings))


def as_table(findings: list[Finding]) -> str:
    """The findings for people."""
    width = max(len(one.check) for one in findings)
    marks = {Fitness.OK: "ok  ", Fitness.WARNING: "warn", Fitness.FAILURE: "FAIL"}
    lines = []
    for one in findings:
        lines.append(f"{marks[one.fitness]}  {one.check:<{width}}  {one.found}")
        if one.cure:
            lines.append(f"{'':<{width + 8}}-> {one.cure}")
    return "\n".join(lines)


def as_json(findings: list[Finding]) -> str:
    """The findings for a program."""
    rows = [{**asdict(one), "fitness": one.fitness.name.lower()} for one in findings]
    return json.dumps({"exit_status": exit_status(findings), "findings": rows}, indent=1)


def _judge(check: str, good: bool, found: str, cure: str, otherwise: Fitness = Fitness.FAILURE) -> Finding:
    return Finding(check, Fitness.OK, found) if good else Finding(check, otherwise, found, cure)


def _python() -> Finding:
    return _judge("python", sys.version_info >= MIN_PYTHON, platform.python_version(), "Install Python 3.11 or newer")


def _bits() -> Finding:
    bits = 8 * struct.calcsize("P")
    return _judge("64 bit", bits >= MIN_BITS, f"{bits} bit, {platform.machine()}", "Install the 64-bit Raspberry Pi OS")


def _runtime() -> Finding:
    """In a child process: on some processors the import dies of an illegal instruction."""
    try:
        facts = asyncio.run(runtime.probe())
    except RunnerFailed as error:
        return Finding(
            "onnxruntime", Fitness.FAILURE, str(error), "Install an onnxruntime that is built for this processor"
        )
    found = f"{facts.onnxruntime}, opset up to {facts.max_opset}, IR up to {facts.max_ir}"
    return Finding("onnxruntime", Fitness.OK, found)


def _memory() -> Finding:
    mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10**6
    return _judge("memory", mb >= MIN_RAM_MB, f"{mb} MB", f"The agent needs about {MIN_RAM_MB} MB", Fitness.WARNING)


def _clock() -> Finding:
    now = time.time()
    cure = "Set it: `timedatectl set-ntp true`. With a wrong clock a new release looks expired, or an old one valid"
    return _judge("clock", now > OLDEST_SANE_TIME, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)), cure)


def _home(config: Config) -> Finding:
    found = str(config.home)
    if not config.home.is_dir():
        return Finding("home", Fitness.FAILURE, f"{found} does not exist", identity.ENROL)
    return _judge("home", os.access(config.home, os.W_OK | os.X_OK), found, "Let the agent's user write there")


def _disk(config: Config) -> Finding:
    folder = next(one for one in (config.home, *config.home.parents) if one.exists())
    mb = shutil.disk_usage(folder).free // 10**6
    return _judge(
        "disk", mb >= MIN_DISK_MB, f"{mb} MB free", f"Make room: {MIN_DISK_MB} MB are comfortable", Fitness.WARNING
    )


def _identity(config: Config) -> Finding:
    known = identity.identity(config.home)
    return Finding("identity", Fitness.OK, f"{known.device} of fleet {known.fleet}")


def _trust(config: Config) -> Finding:
    root = identity.root(config.home)
    days = int((root.expires.timestamp() - time.time()) / 86_400)
    return Finding("trust", Fitness.OK, f"root version {root.version}, to be renewed within {days} days")


def _broker(config: Config) -> Finding:
    url = config.broker.url or identity.identity(config.home).broker.url
    host, port, encrypted = identity.check_url(url, "broker.url")
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT_S) as plain:
            if encrypted:
                identity.tls_context(config.home).wrap_socket(plain, server_hostname=host).close()
    except (OSError, ssl.SSLError) as error:
        return Finding("broker", Fitness.FAILURE, f"{url}: {error}", "Check the network, the URL and the certificates")
    return Finding("broker", Fitness.OK, url)


def _sensor(config: Config) -> Finding:
    info = sensors.create(config.sensor, config.folder).info
    return Finding("sensor", Fitness.OK, f"{info.kind}: {', '.join(info.channels)} at {info.rate_hz:g} Hz")
