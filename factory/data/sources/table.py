"""CSV and Parquet: one row a sample, one column a channel.

Rules
1. A row is labelled by the text of its label column; an empty cell is unlabelled. Classes are in the order of the
   alphabet, or of their numbers.
2. Rows become recordings as `stretches` says, by the columns of the group, the recording and the time, where there are
   such.
3. A cell that is empty, NaN, nan, NA or null is missing; any other text in a channel is refused.
"""

import codecs
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from factory.artifacts import Float32, Int64, Recording
from factory.data.limits import LIMITS
from factory.data.noting import too_fine
from factory.data.source import Source, check_finite, check_names, nearest, to_float32
from factory.data.sources.arrays import UNGROUPED
from factory.data.sources.stretches import Float64, Stretch, Texts, first_not_later, rate_of, together, without_gaps
from factory.data.taskfile import Columns
from factory.errors import BadInput

_MISSING = ("", "NaN", "nan", "NA", "null")
_CELL_BYTES = 8  # of a number, as pyarrow holds it
_READ_BYTES = 1024 * 1024
_TEXT_ROLES = ("label", "group", "recording")


def read_csv(path: Path, columns: Columns) -> Source:
    """A CSV file in UTF-8 with a header line and commas.

    Raises:
        BadInput: the file or a cell cannot be read, or a column is missing; the text names the line.
    """
    _check_size(path, path.stat().st_size)
    _check_utf8(path)
    texts = dict.fromkeys((getattr(columns, role) or role for role in _TEXT_ROLES), pa.string())
    convert = pa_csv.ConvertOptions(null_values=list(_MISSING), strings_can_be_null=True, column_types=texts)
    try:
        # One thread, because only then a message about a malformed line has its number.
        table = pa_csv.read_csv(path, pa_csv.ReadOptions(use_threads=False), convert_options=convert)
    except pa.ArrowInvalid as error:
        cure = "Write a header line, and below it one value for each of its columns, between commas"
        raise BadInput(path.name, f"it cannot be read as CSV: {_first_line(error)}", cure) from error
    return _Table(path, table, columns, lambda row: f"line {row + 2}").source()


def read_parquet(path: Path, columns: Columns) -> Source:
    """A Parquet file.

    Raises:
        BadInput: the file or a value cannot be read, or a column is missing; the text names the row, counted from 0.
    """
    try:
        with pa_parquet.ParquetFile(path) as file:
            _check_size(path, file.metadata.num_rows * file.metadata.num_columns * _CELL_BYTES)
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise BadInput(path.name, f"it cannot be read as Parquet: {_first_line(error)}", "Export it again") from error
    return _Table(path, table, columns, lambda row: f"row {row}").source()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _check_size(path: Path, size: int) -> None:
    if size > LIMITS.max_file_bytes:
        problem = f"it holds {size} bytes, over the limit of {LIMITS.max_file_bytes}"
        raise BadInput(path.name, problem, "Split the data into several files, or thin it out")


def _check_utf8(path: Path) -> None:
    decoder, lines = codecs.getincrementaldecoder("utf-8")(), 1
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line = lines + block[: error.start].count(b"\n")
                raise BadInput(path.name, f"line {line} is not UTF-8 text", "Export it again as UTF-8") from error
            lines += block.count(b"\n")


class _Table:
    """The columns of one file, on their way to a `Source`."""

    def __init__(self, path: Path, table: pa.Table, columns: Columns, place: Callable[[int], str]) -> None:
        self._path, self._table, self._place = path, table, place
        self._names: list[str] = list(table.column_names)
        self._columns = columns

    def source(self) -> Source:
        """All rules, in their order."""
        check_names(self._names, f"{self._path.name}: columns")
        if not self._table.num_rows:
            raise BadInput(self._path.name, "it has no rows", "Record or export the data again")
        label, time, group, recording = (self._column(role) for role in ("label", "time", "group", "recording"))
        if label is None:
            raise self._no_column("label", "label")
        classes, labels = self._labels(label)
        channels = self._channels({name for name in (label, time, group, recording) if name})
        X = np.stack([self._numbers(name) for name in channels], axis=1)  # (rows, channels)
        check_finite(X, self._path.name, channels, self._place)
        groups = None if group is None else self._texts(group)
        keys = [key for key in (groups, None if recording is None else self._texts(recording)) if key is not None]
        stretches, rate_hz = self._in_time(together(keys, len(X), self._path.stem), time)
        recordings = tuple(
            Recording(
                one.name, UNGROUPED if groups is None else str(groups[one.rows[0]]), X[one.rows], labels[one.rows]
            )
            for one in stretches
        )
        units = ("",) * len(channels)
        name, notes = self._path.stem, self._fine(channels)
        return Source(self._path.name, name, classes, channels, units, rate_hz, recordings, notes=notes)

    def _column(self, role: str) -> str | None:
        """The column that plays a role: as the task file says, else the one of that very name, else none."""
        wanted: str | None = getattr(self._columns, role)
        if wanted is not None and wanted not in self._names:
            raise self._no_column(role, wanted)
        return wanted or (role if role in self._names else None)

    def _channels(self, taken: set[str]) -> tuple[str, ...]:
        channels = self._columns.channels or tuple(name for name in self._names if name not in taken)
        check_names(channels, "task.columns.channels")
        for name in channels:
            if name not in self._names:
                raise self._no_column("channels", name)
            if name in taken:
                cure = "Name sensor columns only"
                raise BadInput("task.columns.channels", f"{name!r} has another role already", cure)
        if not channels:
            raise BadInput(self._path.name, "no column is left for the sensor's channels", "Add one column a channel")
        return channels

    def _labels(self, name: str) -> tuple[tuple[str, ...], Int64]:
        """The classes, and each row's number, -1 where empty (rule 1)."""
        codes = self._as_text(name).dictionary_encode().combine_chunks()
        texts: list[str] = codes.dictionary.to_pylist()
        classes = tuple(sorted(texts, key=_alphabet_or_number))
        number = np.array([classes.index(text) for text in texts] + [-1], dtype=np.int64)
        return classes, number[codes.indices.fill_null(len(number) - 1).to_numpy(zero_copy_only=False)]

    def _numbers(self, name: str) -> Float32:
        """One channel (rows,), NaN where missing (rule 3)."""
        column = self._table[name]
        if column.null_count == len(column):
            raise self._bad(name, "the column is empty", "Fill it in, or leave it out of task.columns.channels")
        if not _is_number(column.type):
            row, value = _first_text(column)
            cure = "Correct it, or name the number columns only in task.columns.channels"
            raise self._bad(name, f"{self._place(row)} holds {value!r} where a number belongs", cure)
        return to_float32(column.cast(pa.float64(), safe=False).to_numpy())

    def _fine(self, channels: tuple[str, ...]) -> tuple[str, ...]:
        """What 32-bit numbers lose of a channel."""
        doubles = (self._table[name].cast(pa.float64(), safe=False).to_numpy() for name in channels)
        return tuple(
            note for name, values in zip(channels, doubles, strict=True) for note in too_fine(values[:, None], (name,))
        )

    def _texts(self, name: str) -> Texts:
        """A column as text (rows,)."""
        self._check_filled(name)
        return np.array(self._as_text(name).to_pylist(), dtype=np.str_)

    def _as_text(self, name: str) -> pa.ChunkedArray:
        column = self._table[name]
        try:
            return column.cast(pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise self._bad(name, f"its type is {column.type}", "Save it as text or as whole numbers") from error

    def _in_time(self, stretches: list[Stretch], name: str | None) -> tuple[list[Stretch], float | None]:
        """Rule 2: recordings without pauses, and the rate where the column called `name` shows it."""
        if name is None:
            return stretches, None
        time = self._seconds(name)
        row = first_not_later(stretches, time)
        if row is not None:
            cure = "Sort the rows, or name the column that tells recordings apart in task.columns.recording"
            raise self._bad(name, f"{self._place(row)} is not later than the row before it", cure)
        rate_hz = rate_of(stretches, time)
        if rate_hz is None:
            cure = "Check task.columns.recording and task.columns.group"
            raise self._bad(name, "no recording has two rows", cure)
        return without_gaps(stretches, time, rate_hz), rate_hz

    def _seconds(self, name: str) -> Float64:
        self._check_filled(name)
        column = self._table[name]
        if pa.types.is_timestamp(column.type):
            microseconds = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy()
            return np.asarray(microseconds / 1e6, dtype=np.float64)
        if not _is_number(column.type):
            row, value = _first_text(column)
            cure = "Use seconds, or timestamps such as 2025-01-31T08:00:00.020"
            raise self._bad(name, f"{self._place(row)} holds {value!r}, which is no time", cure)
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)

    def _check_filled(self, name: str) -> None:
        column = self._table[name]
        if column.null_count:
            row = int(np.argmax(pc.is_null(column).to_numpy()))
            raise self._bad(name, f"{self._place(row)} is empty", "Fill it in, or remove the row")

    def _no_column(self, role: str, wanted: str) -> BadInput:
        problem = f"{self._path.name} has no column {wanted!r}"
        return BadInput(f"task.columns.{role}", problem, nearest(wanted, self._names))

    def _bad(self, column: str, problem: str, cure: str) -> BadInput:
        return BadInput(f"{self._path.name}: {column}", problem, cure)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _alphabet_or_number(value: str) -> tuple[float, str]:
    """A key that sorts "2" before "10", and words after numbers."""
    try:
        return float(value), ""
    except ValueError:
        return float("inf"), value


def _first_text(column: pa.ChunkedArray) -> tuple[int, object]:
    """Where a column that should hold numbers holds something else first."""
    values = column.to_pylist()
    for row, value in enumerate(values):
        try:
            float(value if value is not None else 0)
        except (TypeError, ValueError):
            return row, value
    return 0, values[0]
