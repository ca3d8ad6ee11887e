"""What people see, and what programs read."""

import json

import pytest

from factory.artifacts import Footprint, Trial
from factory.console import Console
from factory.errors import BadInput

TRIAL = Trial(0, {}, "int8", 0.912, 0.9, Footprint(120_000, 900, 4000, 24_000), 10, 3.0, fits=True)


def test_a_program_gets_json_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(as_json=True)
    with console.stage("Reading [data]"):
        pass
    console.result({"accuracy": 0.5}, "Done")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"accuracy": 0.5}
    assert "✓ Reading [data]" in captured.err


def test_a_person_gets_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    Console().result({"model_kb": 24.0, "by_class": {"up": 0.25}, "macs": 120_000}, "Built [x]")
    out = capsys.readouterr().out
    assert all(text in out for text in ("Built [x]", "model kb", "24", "up 0.25", "120,000"))


def test_a_build_tells_its_stages_and_its_best_trial(capsys: pytest.CaptureFixture[str]) -> None:
    with Console().building() as progress:
        progress.stage("Searching")
        progress.finished(TRIAL, TRIAL, 0.5)
        progress.stage("Signing")
    err = capsys.readouterr().err
    assert "1 trials, 50% of the search: best 0.912, 24 kB, 120k MACs" in err
    assert "✓ Searching (1 trials)" in err
    assert "✓ Signing" in err


def test_an_error_is_one_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    Console().fail("factory build", BadInput("[bold]", "x" * 300, "Fix it"))
    assert capsys.readouterr().err == f"factory build: [bold]: {'x' * 300}. Fix it.\n"
