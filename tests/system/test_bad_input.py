"""Whatever is wrong with what `factory build` is given: one line that names the cure, status 2, nothing left behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from factory.__main__ import main

RATE_HZ, ROWS = 20.0, 4000
CHANNELS = ("ax", "ay")
TASK = 'name = "gait"\nrate_hz = 20\nwindow_s = 1\n[columns]\nlabel = "what"\ngroup = "who"\nchannels = ["ax", "ay"]\n'

Files = dict[str, str | bytes]


def csv(change: Callable[[list[list[str]]], None] = lambda rows: None, header: str = "who,what,ax,ay") -> str:
    """A good recording of four people who walk and rest, as rows that `change` may spoil."""
    rng = np.random.default_rng(0)
    rows = [
        [f"p{i * 4 // ROWS}", "walk" if (i // 250) % 2 else "rest", f"{x:.3f}", f"{y:.3f}"]
        for i, (x, y) in enumerate(rng.normal(size=(ROWS, 2)))
    ]
    change(rows)
    return "\n".join([header, *(",".join(row) for row in rows)])


def npz(tmp_path: Path, **arrays: object) -> bytes:
    path = tmp_path / "made.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    content = path.read_bytes()
    path.unlink()
    return content


def one_class(rows: list[list[str]]) -> None:
    for row in rows:
        row[1] = "walk"


def text_for_a_number(rows: list[list[str]]) -> None:
    rows[1234][2] = "n/a?"


CASES = [
    pytest.param({"d.csv": ""}, TASK, [], ["d.csv", "empty"], id="an empty file"),
    pytest.param({"d.csv": csv(one_class)}, TASK, [], ["class"], id="one class"),
    pytest.param({"d.csv": csv(text_for_a_number)}, TASK, [], ["n/a?", "ax"], id="text in a number column"),
    pytest.param({"d.csv": csv(header="who,wat,ax,ay")}, TASK, [], ["what", "wat"], id="a column that is not there"),
    pytest.param({"d.csv": csv()}, TASK + "windo = 3\n", [], ["windo"], id="an unknown key in a section"),
    pytest.param({"d.csv": csv()}, "windows_s = 1\n" + TASK, [], ["windows_s", "window_s"], id="an unknown key"),
    pytest.param({"d.csv": csv()}, TASK.replace("20", "0", 1), [], ["rate_hz"], id="a rate of zero"),
    pytest.param({"d.csv": csv()}, TASK, ["--max-kb", "0.5"], ["kB"], id="a size that no model can have"),
    pytest.param(
        {"d.csv": csv()},
        TASK,
        ["--max-macs", "3", "--max-kb", "3"],
        ["both"],
        id="a size and MACs that no model can have",
    ),
    pytest.param({"d.csv": csv()}, TASK, ["--minutes", "-1"], ["--minutes"], id="a negative budget"),
    pytest.param({"d.xyz": "?"}, TASK, [], ["d.xyz"], id="a file of another kind"),
    pytest.param({}, TASK, [], ["d.csv"], id="a file that is not there"),
]


@pytest.mark.parametrize(("files", "task", "options", "words"), CASES)
def test_bad_tables_tasks_and_budgets(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    files: Files,
    task: str,
    options: list[str],
    words: list[str],
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(str(content))
    _refused(tmp_path, capsys, next(iter(files), "d.csv"), task, options, words)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        pytest.param({"X": np.zeros((40, 7))}, ["X"], id="windows without a time axis"),
        pytest.param({"X": np.zeros((40, 20, 2)), "y": np.zeros(39)}, ["y", "39"], id="a label too few"),
        pytest.param({"X": np.full((40, 20, 2), np.nan), "y": np.arange(40) % 2}, ["values"], id="windows of nothing"),
        pytest.param({"X": np.array([{}], dtype=object)}, ["X"], id="objects instead of numbers"),
        pytest.param(
            {"X": np.zeros((40, 20, 2)), "y": np.arange(40) % 2, "rate_hz": 55.0}, ["rate_hz", "55"], id="a wrong rate"
        ),
    ],
)
def test_bad_arrays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arrays: dict[str, object], words: list[str]
) -> None:
    names = {"classes": np.array(["rest", "walk"]), "channels": np.array(CHANNELS), "rate_hz": RATE_HZ}
    (tmp_path / "d.npz").write_bytes(npz(tmp_path, **{**names, **arrays}))
    _refused(tmp_path, capsys, "d.npz", 'name = "gait"\nrate_hz = 20\n', [], words)


def test_a_file_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d.npz").write_bytes(npz(tmp_path, X=np.zeros((40, 20, 2)))[:300])
    _refused(tmp_path, capsys, "d.npz", "", [], ["d.npz"])


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("dear")
    (tmp_path / "d.csv").write_text(csv())
    (tmp_path / "task.toml").write_text(TASK)
    assert _build(tmp_path, "d.csv", []) == 2
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "out" / "thesis.txt").read_text() == "dear"


def _refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    data: str,
    task: str,
    options: list[str],
    words: list[str],
) -> None:
    (tmp_path / "task.toml").write_text(task)
    status = _build(tmp_path, data, options)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("factory build:")]
    assert (status, len(said)) == (2, 1)
    assert all(word in said[0] for word in words), said[0]
    assert said[0].count(". ") >= 1, "what is wrong, then what to do"
    left = {path.name for path in tmp_path.iterdir()} - {data, "task.toml", "home"}
    assert not left
    studied = list((tmp_path / "home").rglob("blobs/*/*")) if (tmp_path / "home").exists() else []
    assert not studied


def _build(tmp_path: Path, data: str, options: list[str]) -> int:
    given = ["--data", str(tmp_path / data), "--task", str(tmp_path / "task.toml"), "--out", str(tmp_path / "out")]
    return main(["build", *given, "--home", str(tmp_path / "home"), *options])
