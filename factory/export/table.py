"""Trials as a file: CSV for spreadsheets, Parquet for data frames, JSON as they are.

The file appears whole or not at all.
"""

import csv
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from factory.artifacts import Trial
from factory.errors import BadInput
from factory.export.flat import Scalar, rows


def write_table(trials: Sequence[Trial], out: Path) -> None:
    """Write every trial to `out`, in the format that its name ends in.

    Raises:
        BadInput: no such format, or the file cannot be written.
    """
    write = FORMATS.get(out.suffix)
    if write is None:
        raise BadInput("--out", f"{out} ends in no known format", f"Let its name end in {', '.join(FORMATS)}")
    draft = out.with_name(f".{out.name}.draft")
    try:
        write(trials, draft)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(out)
    except OSError as error:
        draft.unlink(missing_ok=True)
        problem = f"{out} cannot be written: {error.strerror or error}"
        raise BadInput("--out", problem, "Name a file in a folder that is there") from error


def _csv(trials: Sequence[Trial], out: Path) -> None:
    table = rows(trials)
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(table[0]) if table else [])
        writer.writeheader()
        writer.writerows(table)


def _parquet(trials: Sequence[Trial], out: Path) -> None:
    table = rows(trials)
    names = list(table[0]) if table else []
    pq.write_table(pa.table({name: _column([row[name] for row in table]) for name in names}), out)


def _json(trials: Sequence[Trial], out: Path) -> None:
    text = json.dumps([asdict(trial) for trial in trials], indent=1)
    out.write_text(text + "\n", encoding="utf-8")


FORMATS: Mapping[str, Callable[[Sequence[Trial], Path], None]] = {".csv": _csv, ".parquet": _parquet, ".json": _json}


def _column(values: Sequence[Scalar]) -> pa.Array:
    """Values of one kind as they are, whole numbers among others as such, everything else as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return pa.array([None if value is None else float(value) for value in values])
    if len(kinds) > 1:
        return pa.array([None if value is None else str(value) for value in values])
    return pa.array(values)
