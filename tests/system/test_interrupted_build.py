"""A build that is stopped by a signal: it ends at once, keeps its trials, says how to go on, and goes on there."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from factory.__main__ import INTERRUPTED
from factory.artifacts import Trial
from factory.registry import Registry
from tests.support.recordings import write_recordings

ROOT = Path(__file__).parents[2]
STOP_S = 60.0  # far more than it takes where others leave the cores alone


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_stopped_goes_on_where_it_was(tmp_path: Path, by: signal.Signals) -> None:
    write_recordings(tmp_path / "people.npz", people=6, seconds=20)
    first, took = stopped(tmp_path, by, known=set())
    (kept,) = list(studies(tmp_path).values())
    assert took < STOP_S
    assert f"Stopped; {len(kept)} finished trial" in first
    assert first.rstrip().endswith("  factory " + " ".join(command(tmp_path)))
    known = {trial.number for trial in kept}
    again, _ = stopped(tmp_path, by, known)
    (now,) = list(studies(tmp_path).values())
    assert set(told(again)[: len(known)]) == known
    assert [trial for trial in now if trial in kept] == kept, "nothing was done twice"
    assert len(now) > len(kept)


def stopped(folder: Path, by: signal.Signals, known: set[int]) -> tuple[str, float]:
    """What a build said that was stopped after a trial that is not `known`; seconds that it then took to end."""
    arguments = [sys.executable, "-m", "factory", *command(folder)]
    said = ""
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True) as build:
        assert build.stderr is not None
        for line in build.stderr:
            said += line
            if set(told(line)) - known:
                break
        began = time.monotonic()
        build.send_signal(by)
        said += build.stderr.read()
        status = build.wait()
    assert status == INTERRUPTED, said
    return said, time.monotonic() - began


def told(said: str) -> list[int]:
    """The numbers of the trials that a build told of."""
    return [int(number) for number in re.findall(r"^  trial (\d+)", said, re.MULTILINE)]


def command(folder: Path) -> list[str]:
    given = ["--data", str(folder / "people.npz"), "--home", str(folder / "home"), "--out", str(folder / "out")]
    return ["build", *given, "--trials", "40", "--max-kb", "24"]


def studies(folder: Path) -> dict[str, list[Trial]]:
    """The trials of every study in the registry."""
    with Registry.open(folder / "home") as registry:
        return {study.key: registry.trials(study.key) for study in registry.studies()}
