"""A study's trials in other tools' files."""

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import optuna
import pyarrow.parquet as pq
import pytest

from factory.artifacts import Footprint, Trial
from factory.errors import BadInput
from factory.export import write_table
from factory.export.flat import rows
from factory.export.optuna_study import write_optuna

SMALL = Trial(
    number=0,
    architecture={"kind": "convnet", "blocks": [{"width": 16, "residual": True}], "head": {"dropout": 0.1}},
    precision="int8",
    validation_accuracy=0.5,
    validation_macro_f1=0.25,
    footprint=Footprint(macs=1000, parameters=100, peak_activation_bytes=64, file_bytes=2048),
    epochs=3,
    seconds=1.5,
    fits=True,
    strategy="evolution",
    effort=0.25,
)
LONGER = replace(SMALL, number=1, validation_accuracy=0.75, effort=1.0)
OTHER = replace(
    SMALL, number=2, architecture={"kind": "trees", "trees": 12, "head": {"dropout": None}}, fits=False, effort=1.0
)
TRIALS = [SMALL, LONGER, OTHER]


def read_csv(file: Path) -> list[dict[str, object]]:
    with file.open(newline="") as stream:
        return [dict(row) for row in csv.DictReader(stream)]


def read_parquet(file: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(file).to_pylist()
    return found


@pytest.mark.parametrize(
    ("name", "read", "first"),
    [
        pytest.param("t.csv", read_csv, {"number": "0", "fits": "True", "architecture.blocks.0.width": "16"}, id="CSV"),
        pytest.param(
            "t.parquet", read_parquet, {"number": 0, "fits": True, "architecture.blocks.0.width": 16}, id="Parquet"
        ),
    ],
)
def test_a_table_has_one_row_a_trial_and_a_column_for_whatever_any_of_them_has(
    tmp_path: Path, name: str, read: Callable[[Path], list[dict[str, object]]], first: dict[str, object]
) -> None:
    write_table(TRIALS, tmp_path / name)
    table = read(tmp_path / name)
    assert len(table) == 3
    assert first.items() <= table[0].items()
    assert table[0]["strategy"] == "evolution"
    assert not table[2]["architecture.blocks.0.width"]
    assert {row["architecture.kind"] for row in table} == {"convnet", "trees"}
    assert [path.name for path in tmp_path.iterdir()] == [name], "no draft is left"


def test_json_holds_trials_as_they_are(tmp_path: Path) -> None:
    write_table(TRIALS, tmp_path / "t.json")
    back = json.loads((tmp_path / "t.json").read_text())
    assert back == [asdict(trial) for trial in TRIALS]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.json"])
def test_a_study_without_trials_can_be_exported(tmp_path: Path, name: str) -> None:
    write_table([], tmp_path / name)
    assert (tmp_path / name).exists()


def test_a_column_of_numbers_and_text_is_text_and_one_of_kinds_of_numbers_is_numbers(tmp_path: Path) -> None:
    trials = [replace(SMALL, architecture={"a": value, "b": 1.5 if value == 1 else 2}) for value in (1, "x", None)]
    write_table(trials, tmp_path / "t.parquet")
    table = read_parquet(tmp_path / "t.parquet")
    assert [row["architecture.a"] for row in table] == ["1", "x", None]
    assert [row["architecture.b"] for row in table] == [1.5, 2.0, 2.0]


@pytest.mark.parametrize(
    ("out", "why"),
    [
        pytest.param("t.xlsx", r"ends in no known format.*\.csv, \.parquet, \.json", id="another format"),
        pytest.param("nowhere/t.csv", "cannot be written", id="a folder that is not there"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, out: str, why: str) -> None:
    with pytest.raises(BadInput, match=rf"^--out: .*{why}"):
        write_table(TRIALS, tmp_path / out)
    assert not list(tmp_path.iterdir())


def test_rows_all_have_the_same_columns() -> None:
    assert len({tuple(row) for row in rows(TRIALS)}) == 1


def test_optuna_reads_the_study(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    write_optuna("gait", TRIALS, {"file_bytes": 2000}, {"seed": 7}, url)
    study = optuna.load_study(study_name="gait", storage=url)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.user_attrs["seed"] == 7
    first, second, third = study.trials
    assert first.values == [0.5, 2.048]
    assert first.params == {"kind": "convnet", "blocks.0.width": 16, "blocks.0.residual": True, "head.dropout": 0.1}
    assert third.params == {"kind": "trees", "trees": 12}
    assert first.user_attrs["strategy"] == "evolution"
    assert first.user_attrs["macs"] == 1000
    assert first.intermediate_values == {25: 0.5}
    assert second.intermediate_values == {25: 0.5, 100: 0.75}
    assert [trial.number for trial in study.best_trials] == [], "all are over this budget"


def test_the_best_of_what_fits_are_optunas_best_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    write_optuna("gait", TRIALS, {"file_bytes": 3000}, {}, url)
    assert [trial.number for trial in optuna.load_study(study_name="gait", storage=url).best_trials] == [1]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param("study.db", "is no storage. Give sqlite:///FILE", id="no URL"),
        pytest.param("sqlite:///", "is no storage", id="no file"),
        pytest.param("sqlite:////nowhere/study.db", "the folder /nowhere is not there", id="a missing folder"),
        pytest.param(f"sqlite:///{__file__}", "is no SQLite file", id="a file of another kind"),
    ],
)
def test_a_storage_is_refused_that_is(url: str, why: str) -> None:
    with pytest.raises(BadInput, match=rf"^--optuna: .*{why}"):
        write_optuna("gait", TRIALS, {}, {}, url)


def test_a_study_is_not_written_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    write_optuna("gait", TRIALS, {}, {}, url)
    with pytest.raises(BadInput, match=r"holds study 'gait' already\. Name a new file"):
        write_optuna("gait", TRIALS, {}, {}, url)
