"""`factory serve` as a process: what it says, what it serves, and what a kill leaves."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.config import CONFIG_NAME
from tests.support.broker import free_port


@pytest.fixture
def factory_home(tmp_path: Path) -> Path:
    (tmp_path / CONFIG_NAME).write_text(f"[broker]\nport = {free_port()}\n")
    return tmp_path


@contextlib.contextmanager
def serving(home: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "factory", "serve", "--home", str(home), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]", pattern: str) -> str:
    """The first thing it says that matches."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if found := re.search(pattern, line):
            return found.group(1)
    raise AssertionError(f"it never said {pattern!r}, but {lines}")


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()


def test_it_prints_a_link_at_its_first_start_and_serves_the_page(factory_home: Path) -> None:
    with serving(factory_home, "--port", str(free_port())) as process:
        page = said(process, r"Operator page: (\S+)")
        link = said(process, r"Sign in, once, with: (\S+)")
        said(process, r"Broker: mqtt://127.0.0.1:\d+ \((embedded)")
        assert link.startswith(f"{page}/login/link/")
        assert get(f"{page}/healthz")[0] == 200
        assert "Sign in" in get(page)[1]
        process.terminate()
        assert process.wait(20) == 0


def test_killed_and_started_again_it_is_the_same_factory(factory_home: Path) -> None:
    port = str(free_port())
    with serving(factory_home, "--port", port) as process:
        said(process, r"(Broker)")
        os.kill(process.pid, signal.SIGKILL)
    keys = (factory_home / "keys" / "root.json").read_bytes()
    with serving(factory_home, "--port", port) as process:
        assert get(said(process, r"Operator page: (\S+)") + "/healthz")[0] == 200
        assert "Sign in" not in said(process, r"(.*)")
    assert (factory_home / "keys" / "root.json").read_bytes() == keys


def test_a_port_that_is_taken_is_named(factory_home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving(factory_home, "--port", str(port)) as process:
            assert process.wait(60) == 2
            assert process.stderr is not None
            assert f"127.0.0.1:{port}: cannot listen there" in process.stderr.read()
