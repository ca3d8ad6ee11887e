"""CSV and Parquet: how rows become recordings, and each way in which a table can be wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from factory import data
from factory.data.limits import LIMITS
from factory.errors import BadInput

Write = Callable[[str], Path]
Columns = dict[str, list[Any]]

GROUPED = '[columns]\ngroup = "person"\n'


def table(people: int = 6, samples: int = 40) -> Columns:
    """Each person walks, then runs, at 20 Hz, with a pause between."""
    columns: Columns = {"time": [], "person": [], "label": [], "ax": [], "ay": []}
    for person in range(people):
        for k, label in enumerate(("walk", "run")):
            for i in range(samples):
                row = (1000 * person + 100 * k + i / 20, f"p{person}", label, 0.25 * i, -1.5 * k)
                for values, value in zip(columns.values(), row, strict=True):
                    values.append(value)
    return columns


def as_csv(path: Path, columns: Columns) -> str:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def as_parquet(path: Path, columns: Columns) -> str:
    pa_parquet.write_table(pa.table(columns), path)
    return str(path)


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[Columns], str]:
    return lambda columns: as_csv(tmp_path / "gym.csv", columns)


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[[Columns], str]:
    return lambda columns: as_parquet(tmp_path / "gym.parquet", columns)


def test_csv_and_parquet_of_the_same_rows_are_the_same_data(
    csv: Callable[[Columns], str], parquet: Callable[[Columns], str], task: Write
) -> None:
    described = task(GROUPED + "\n[split]\nseed = 3\n")
    one, other = (data.windows(data.load(write(table()), described)) for write in (csv, parquet))
    assert one.task == other.task
    assert one.digest == other.digest


def test_the_rate_comes_from_the_times_and_a_pause_ends_a_recording(csv: Callable[[Columns], str], task: Write) -> None:
    loaded = data.load(csv(table()), task(GROUPED))
    assert loaded.task.rate_hz == 20.0
    assert [recording.name for recording in loaded.recordings[:3]] == ["p0#0", "p0#1", "p1#0"]
    assert {len(recording.samples) for recording in loaded.recordings} == {40}
    assert loaded.task.channels == ("ax", "ay")
    assert loaded.recordings[0].samples[:3].tolist() == [[0, 0], [0.25, 0], [0.5, 0]]


def test_timestamps_are_times(csv: Callable[[Columns], str], parquet: Callable[[Columns], str], task: Write) -> None:
    columns = table()
    start = datetime(2025, 1, 31, 8, tzinfo=UTC)
    columns["time"] = [start + timedelta(seconds=t) for t in columns["time"]]
    assert data.load(parquet(columns), task(GROUPED)).task.rate_hz == 20.0
    columns["time"] = [t.strftime("%Y-%m-%dT%H:%M:%S.%f") for t in columns["time"]]
    assert data.load(csv(columns), task(GROUPED)).task.rate_hz == 20.0


def test_without_times_the_task_file_gives_the_rate(csv: Callable[[Columns], str], task: Write) -> None:
    columns = table()
    del columns["time"]
    loaded = data.load(csv(columns), task("rate_hz = 25\n" + GROUPED))
    assert loaded.task.rate_hz == 25.0
    assert [len(recording.samples) for recording in loaded.recordings] == [80] * 6


def test_rows_of_one_group_and_recording_belong_together_wherever_they_stand(
    csv: Callable[[Columns], str], task: Write
) -> None:
    columns = table()
    columns["recording"] = columns["label"]
    order = np.argsort(np.arange(len(columns["time"])) % 40, kind="stable")  # all people at once, sample by sample
    mixed = {name: [values[i] for i in order] for name, values in columns.items()}
    loaded = data.load(csv(mixed), task(GROUPED))
    assert [recording.name for recording in loaded.recordings[:3]] == ["p0/walk", "p0/run", "p1/walk"]
    assert loaded.recordings[1].samples[:, 0].tolist() == [0.25 * i for i in range(40)]
    assert loaded.recordings[1].group == "p0"


def test_a_table_without_group_and_recording_is_one_recording_split_by_time(
    csv: Callable[[Columns], str], task: Write
) -> None:
    columns = table()
    del columns["person"]
    columns["time"] = [i / 20 for i in range(len(columns["time"]))]
    loaded = data.load(csv(columns), task("window = 8\n"))
    assert [recording.name for recording in loaded.recordings] == ["gym"]
    assert loaded.task.split.by == "time"


def test_an_empty_label_is_no_label_and_an_empty_channel_is_missing(csv: Callable[[Columns], str], task: Write) -> None:
    columns = table()
    columns["label"][0], columns["ax"][1], columns["ay"][2] = "", "", "NaN"
    first = data.load(csv(columns), task(GROUPED)).recordings[0]
    assert first.labels[:2].tolist() == [-1, 1]
    assert np.argwhere(np.isnan(first.samples)).tolist() == [[1, 0], [2, 1]]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        pytest.param([10, 2], ("2", "10"), id="numbers, by size"),
        pytest.param(["run", "10"], ("10", "run"), id="words after numbers"),
        pytest.param([True, False], ("false", "true"), id="true and false"),
    ],
)
def test_classes_are_in_order(
    parquet: Callable[[Columns], str], task: Write, labels: list[Any], classes: tuple[str, ...]
) -> None:
    columns = table()
    columns["label"] = [labels[0] if label == "walk" else labels[1] for label in columns["label"]]
    if len({type(label) for label in labels}) > 1 or isinstance(labels[0], str):
        columns["label"] = [str(label) for label in columns["label"]]
    loaded = data.load(parquet(columns), task(GROUPED))
    assert loaded.task.classes == classes
    assert loaded.recordings[0].labels[0] == classes.index(str(labels[0]).lower())


def test_the_task_file_names_every_column(csv: Callable[[Columns], str], task: Write) -> None:
    columns = table()
    renamed = dict(zip(["t", "who", "what", "ax", "ay"], columns.values(), strict=True))
    named = 'label = "what"\ntime = "t"\ngroup = "who"\nchannels = ["ay"]\n'
    loaded = data.load(csv(renamed), task(f"[columns]\n{named}"))
    assert loaded.task.channels == ("ay",)
    assert loaded.task.split.by == "group"


def cell(column: str, row: int, value: object) -> Callable[[Columns], Columns]:
    def change(columns: Columns) -> Columns:
        columns[column][row] = value
        return columns

    return change


def cells(row: int, **values: object) -> Callable[[Columns], Columns]:
    def change(columns: Columns) -> Columns:
        for column, value in values.items():
            columns[column][row] = value
        return columns

    return change


def all_of(column: str, value: object) -> Callable[[Columns], Columns]:
    return lambda columns: {**columns, column: [value] * len(columns["time"])}


def same(columns: Columns) -> Columns:
    return columns


BAD_CSV = [
    pytest.param(
        cell("ax", 7, "abc"),
        GROUPED,
        r"gym.csv: ax: line 9 holds 'abc' where a number belongs",
        id="text in a number column",
    ),
    pytest.param(
        same, "", r"gym.csv: person: line 2 holds 'p0' where a number .*channels", id="a text column not named"
    ),
    pytest.param(
        cell("ay", 3, "-inf"), GROUPED, r"line 5 holds an infinite number in channel 'ay'", id="an infinite value"
    ),
    pytest.param(cell("ay", 3, "1e60"), GROUPED, r"line 5 holds an infinite number", id="a number beyond float32"),
    pytest.param(all_of("ay", ""), GROUPED, r"gym.csv: ay: the column is empty", id="an empty column"),
    pytest.param(cell("person", 4, ""), GROUPED, r"gym.csv: person: line 6 is empty", id="a row of nobody"),
    pytest.param(cell("time", 4, ""), GROUPED, r"gym.csv: time: line 6 is empty", id="a row of no time"),
    pytest.param(
        cell("time", 4, "soon"), GROUPED, r"time: line 6 holds 'soon', which is no time", id="a time in words"
    ),
    pytest.param(cell("time", 4, 0.1), GROUPED, r"time: line 6 is not later than the row before", id="time going back"),
    pytest.param(
        cell("time", 4, 0.15), GROUPED, r"time: line 6 is not later than the row before", id="time standing still"
    ),
    pytest.param(all_of("label", "walk"), GROUPED, r"only class 'walk' occurs", id="one class only"),
    pytest.param(
        same,
        "rate_hz = 50\n" + GROUPED,
        r"task.rate_hz: 50 contradicts the 20 Hz of gym.csv",
        id="another rate than the times",
    ),
    pytest.param(same, "rate_hz = 21.2\n" + GROUPED, r"task.rate_hz: 21.2 contradicts", id="a rate off by 6 percent"),
    pytest.param(
        same, '[columns]\ngroup = "persn"\n', r"task.columns.group: .*'persn'. Perhaps 'person'", id="no such group"
    ),
    pytest.param(same, '[columns]\nlabel = "lable"\n', r"task.columns.label: .*Perhaps 'label'", id="no such label"),
    pytest.param(
        same,
        GROUPED + 'channels = ["ax", "az"]\n',
        r"task.columns.channels: .*'az'. Use one of: ax, ay, ",
        id="no such channel",
    ),
    pytest.param(
        same, GROUPED + 'channels = ["ax", "ax"]\n', r"channels: 'ax' occurs more than once", id="a channel twice"
    ),
    pytest.param(
        same, GROUPED + 'channels = ["label"]\n', r"'label' has another role already", id="the label as a channel"
    ),
    pytest.param(
        lambda columns: {name: columns[name] for name in ("time", "person", "label")},
        GROUPED,
        r"no column is left for the sensor's channels",
        id="no channel at all",
    ),
    pytest.param(
        lambda columns: {**columns, "person": [str(i) for i in range(len(columns["time"]))]},
        GROUPED,
        r"time: no recording has two rows. Check task.columns",
        id="every row another group",
    ),
]


@pytest.mark.parametrize(("change", "described", "message"), BAD_CSV)
def test_a_csv_file_is_refused_in_one_line(
    csv: Callable[[Columns], str], task: Write, change: Callable[[Columns], Columns], described: str, message: str
) -> None:
    refused(csv(change(table())), task(described), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"time,label,ax\n", r"gym.csv: it has no rows", id="a header only"),
        pytest.param(
            b"\n\n", r"gym.csv: it cannot be read as CSV: .*Write a header line", id="nothing but empty lines"
        ),
        pytest.param(b"label,ax\nwalk,1\nrun\n", r"gym.csv: .*Row #3: Expected 2 columns, got 1", id="a cell too few"),
        pytest.param(b"label,ax\nwalk,1\nrun,\xff\n", r"gym.csv: line 3 is not UTF-8 text", id="another encoding"),
        pytest.param(b"label,ax,ax\nwalk,1,2\n", r"gym.csv: columns: 'ax' occurs more than once", id="a column twice"),
        pytest.param(b"label,\nwalk,1\n", r"gym.csv: columns: '' has 0 characters", id="a column without a name"),
        pytest.param(
            b"class,ax\nwalk,1\n", r"task.columns.label: .*no column 'label'. Use one of: ax, class", id="no label"
        ),
        pytest.param(b"label;ax\nwalk;1\n", r"task.columns.label: .*Perhaps 'label;ax'", id="semicolons"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "gym.csv"
    path.write_bytes(content)
    refused(str(path), None, message)


BAD_PARQUET = [
    pytest.param(cell("person", 4, None), r"gym.parquet: person: row 4 is empty", id="a row of nobody"),
    pytest.param(all_of("ax", [1.0, 2.0]), r"gym.parquet: ax: row 0 holds \[1.0, 2.0\]", id="lists for numbers"),
    pytest.param(all_of("label", {"is": "walk"}), r"gym.parquet: label: its type is struct", id="records for labels"),
    pytest.param(all_of("time", True), r"gym.parquet: time: row 0 holds True, which is no time", id="truths for times"),
]


@pytest.mark.parametrize(("change", "message"), BAD_PARQUET)
def test_a_parquet_file_is_refused_in_one_line(
    parquet: Callable[[Columns], str], task: Write, change: Callable[[Columns], Columns], message: str
) -> None:
    refused(parquet(change(table())), task(GROUPED), message)


def test_a_parquet_file_that_is_cut_off_is_refused(parquet: Callable[[Columns], str]) -> None:
    path = Path(parquet(table()))
    path.write_bytes(path.read_bytes()[:-20])
    refused(str(path), None, r"gym.parquet: it cannot be read as Parquet")


def test_a_parquet_file_of_too_many_cells_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Constant columns compress to almost nothing."""
    path = tmp_path / "gym.parquet"
    rows = 100_000
    column = pa.nulls(rows, pa.int8())
    columns = {f"c{i}": column for i in range(LIMITS.max_file_bytes // (8 * rows) + 1)}
    pa_parquet.write_table(pa.table(columns), path)
    refused(str(path), None, r"gym.parquet: it holds \d+ bytes, over the limit of 2147483648")


def refused(path: str, described: Path | None, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        data.windows(data.load(path, described))
    assert "\n" not in str(caught.value)
