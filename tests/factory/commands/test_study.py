"""`factory study`: what a person reads of searches, and what programs do."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import optuna
import pytest

from factory.__main__ import main
from factory.artifacts import Footprint, Trial
from factory.registry import Registry
from tests.support.registry import add_release

KEY = "3fa2b1" + "0" * 58
SPEC = {"source": "pump.csv", "data": "d" * 64, "seed": 7, "max_kb": 32.0, "max_macs": None, "minutes": 5.0}
FIRST = Trial(
    0, {"kind": "convnet", "width": 8}, "int8", 0.75, 0.5, Footprint(2000, 90, 64, 8000), 3, 1.5, True, "defaults"
)
TRIALS = [
    FIRST,
    replace(FIRST, number=1, validation_accuracy=0.875, footprint=Footprint(9000, 400, 64, 16_000), strategy="tpe"),
    replace(FIRST, number=2, validation_accuracy=0.7, footprint=Footprint(9000, 400, 64, 12_000), strategy="tpe"),
    replace(FIRST, number=3, validation_accuracy=0.95, footprint=Footprint(9000, 400, 64, 64_000), fits=False),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with two studies."""
    with Registry.open(tmp_path / "home") as registry:
        registry.open_study("other", "gait", {}, now=1.0)
        registry.open_study(KEY, "pump", SPEC, now=2.0)
        for trial in TRIALS:
            registry.record_trial(KEY, trial)
    return tmp_path / "home"


def run(capsys: pytest.CaptureFixture[str], place: Path, *arguments: str) -> tuple[int, str, str]:
    status = main(["study", *arguments, "--home", str(place)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_list_has_the_newest_first_with_its_best_trial(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, place, "list", "--json")
    newest, oldest = json.loads(out)
    assert status == 0
    assert newest == {
        "key": KEY[:12],
        "name": "pump",
        "began": "1970-01-01 00:00 UTC",
        "trials": 4,
        "best_accuracy": 0.875,
        "kb": 16.0,
        "state": "open",
    }
    assert (oldest["key"], oldest["trials"], oldest["best_accuracy"]) == ("other", 0, None)
    _, table, _ = run(capsys, place, "list")
    assert KEY[:12] in table


def test_a_study_whose_model_was_released_says_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Registry.open(place) as registry:
        registry.open_study("study-1", "gait", {}, now=9.0)
        add_release(registry)
    _, out, _ = run(capsys, place, "list", "--json")
    assert [study["state"] for study in json.loads(out)] == ["released", "open", "open"]


def test_without_a_study_the_list_says_how_to_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = run(capsys, tmp_path, "list")
    assert out == ""
    assert "factory build --help" in err
    assert json.loads(run(capsys, tmp_path, "list", "--json")[1]) == []


def test_a_study_shows_what_it_was_asked_and_what_it_found(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, place, "show", KEY[:6])
    assert status == 0
    for said in ("Study pump", "pump.csv", "seed", "32", "max macs", "●", "More accurate than all smaller ones", "tpe"):
        assert said in out
    front = out.partition("More accurate")[2].partition("Strategies")[0]
    assert "0.875" in front
    assert "0.95" not in front


def test_a_study_as_json_holds_every_trial(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, place, "show", KEY, "--json")
    found = json.loads(out)
    assert found["spec"] == SPEC
    assert found["trials"] == [asdict(trial) for trial in TRIALS]
    assert found["front"] == [0, 1]


def test_trials_are_exported_to_whatever_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, url = place / "trials.csv", f"sqlite:///{place / 'optuna.db'}"
    status, said, _ = run(capsys, place, "export", KEY[:6], "--out", str(out), "--optuna", url, "--json")
    name = json.loads(said)["optuna_study"]
    assert (status, len(out.read_text().splitlines())) == (0, 5)
    study = optuna.load_study(study_name=name, storage=url)
    assert study.user_attrs["source"] == "pump.csv"
    assert {trial.number for trial in study.best_trials} == {0, 1}, "those that fit the budget"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(
            ["show", "nothing"], "study: 'nothing' is unknown. Give a key of `factory study list`", id="no key"
        ),
        pytest.param(["export", KEY], "--out: nothing to write to was named", id="no target"),
        pytest.param(["export", KEY, "--out", "x.doc"], "--out: x.doc ends in no known format", id="another format"),
        pytest.param(["export", KEY, "--optuna", "x"], "--optuna: 'x' is no storage", id="another storage"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    status, out, err = run(capsys, place, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"factory study: {complaint}")
    assert len(err.splitlines()) == 1
