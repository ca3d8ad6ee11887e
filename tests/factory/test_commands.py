"""The command line: what a program can read, what a person is told, and the pushes that go through it."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from factory.__main__ import main
from factory.registry import Registry
from tests.support.house import House
from tests.support.recordings import write_recordings


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_enrolling_writes_a_file_that_only_its_owner_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pi.json"
    status, said, _ = run(capsys, "enrol", "my-pi", "--home", str(tmp_path / "home"), "--out", str(out), "--json")
    assert (status, json.loads(said)["device"]) == (0, "my-pi")
    assert out.stat().st_mode & 0o777 == 0o600
    bundle = json.loads(out.read_text())
    assert (bundle["fleet"], bundle["device"], bundle["broker"]) == (
        "cygnet",
        "my-pi",
        {"url": "mqtt://127.0.0.1:1883"},
    )
    assert bundle["root"]["signed"]["_type"] == "root"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["enrol", "My Pi"], "'My Pi'", id="a name that no topic can hold"),
        pytest.param(["enrol", "pi", "--out", "/nowhere/pi.json"], "--out", id="a folder that is not there"),
        pytest.param(["enrol", "pi", "--password-file", "/nowhere"], "--password-file", id="a missing password file"),
        pytest.param(["enrol", "pi", "--ca", "/nowhere"], "broker ca", id="a missing certificate"),
        pytest.param(["push", "abcdef12", "--to", "pi"], "abcdef12", id="a release that is not there"),
        pytest.param(["push", "pyproject.toml", "--to", "pi"], "in no release", id="a file that was never released"),
        pytest.param(["evaluate", "none.onnx", "--data", "package:seglearn-watch"], "none.onnx", id="a missing model"),
        pytest.param(
            ["evaluate", "pyproject.toml", "--data", "package:seglearn-watch"],
            "pyproject.toml",
            id="a file that is no model",
        ),
        pytest.param(["build", "--data", "package:nothing", "--out", "o"], "package:nothing", id="an unknown package"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    status, out, err = run(capsys, *arguments, "--home", str(tmp_path / "home"))
    (line,) = [line for line in err.splitlines() if line.startswith(f"factory {arguments[0]}:")]
    assert (status, out) == (2, "")
    assert complaint in line
    assert not list(tmp_path.glob("*.json"))


def test_what_is_built_can_be_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people, out = tmp_path / "people.npz", tmp_path / "model"
    write_recordings(people)
    given = ("--data", str(people), "--home", str(tmp_path / "home"))
    limits = ("--max-kb", "32", "--trials", "1", "--minutes", "3")
    status, said, _ = run(capsys, "build", *given, "--out", str(out), *limits, "--json")
    built = json.loads(said)
    assert (status, built["folder"]) == (0, str(out))
    assert 0 < built["model_kb"] <= 32
    status, said, told = run(capsys, "evaluate", str(out / "model.onnx"), *given, "--json")
    assert (status, json.loads(said)["accuracy"]) == (0, built["held_out_accuracy"])
    assert "other data" not in told
    _, table, _ = run(capsys, "evaluate", str(out / "model.onnx"), *given)
    assert "label \\ prediction" in table
    write_recordings(people, seed=1)
    assert "built from other data" in run(capsys, "evaluate", str(out / "model.onnx"), *given)[2]


def test_a_push_waits_for_the_device(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    release = house.release(b"model")
    with house.service(), _living(house):
        arguments = ("push", release.model[:12], "--to", "pi", "--home", str(house.config.home), "--json")
        status, out, _ = run(capsys, *arguments)
    assert (status, json.loads(out)["devices"]) == (0, ["pi"])


def test_a_push_that_nobody_carries_out_says_so(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    release = house.release(b"model")
    arguments = ("push", release.release, "--to", "pi", "--home", str(house.config.home), "--timeout-s", "0.5")
    status, _, err = run(capsys, *arguments)
    assert status == 3
    assert "no `factory serve` has taken it up" in err


def test_a_push_without_waiting_leaves_a_job(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    release = house.release(b"model")
    home = str(house.config.home)
    status, out, _ = run(capsys, "push", release.release, "--to", "bench", "--home", home, "--no-wait", "--json")
    assert (status, json.loads(out)["state"]) == (0, "queued")
    with Registry.open(house.config.home) as registry:
        (job,) = registry.jobs()
        assert asdict(job)["payload"] == {"release": release.release, "to": "bench", "slot": "active"}


@contextlib.contextmanager
def _living(house: House) -> Iterator[None]:
    """A device that answers while the block runs."""
    over = threading.Event()
    with house.device() as device:
        thread = threading.Thread(target=lambda: device.live_until(over.is_set, 60))
        thread.start()
        time.sleep(0.2)
        try:
            yield
        finally:
            over.set()
            thread.join()
