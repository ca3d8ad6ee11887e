"""What people see, and what programs read."""

import json

import pytest

from factory.console import Console
from factory.errors import BadInput


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


def test_an_error_is_one_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    Console().fail("factory build", BadInput("[bold]", "x" * 300, "Fix it"))
    assert capsys.readouterr().err == f"factory build: [bold]: {'x' * 300}. Fix it.\n"
