"""Rows of a table into recordings: uninterrupted stretches of one group, in order of time.

Rules
1. Rows with the same keys (group and recording) belong together, in the order of the table; recordings come in the
   order in which their keys first occur.
2. Times rise within a recording. The rate is one over the median step of all recordings, to four digits.
3. A step of more than `MAX_GAP_PERIODS` begins a new recording, so that no window reaches over a pause.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from factory.artifacts import Int64

MAX_GAP_PERIODS = 3.0

Texts = npt.NDArray[np.str_]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stretch:
    """The rows of one recording, in order of time."""

    name: str
    rows: Int64


def together(keys: Sequence[Texts], n: int, name: str) -> list[Stretch]:
    """The rows of each combination of keys, named after it, or `name` where there are no keys (rule 1)."""
    code = np.zeros(n, dtype=np.int64)
    for key in keys:
        _, one = np.unique(key, return_inverse=True)
        code = code * (int(one.max()) + 1) + one
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(code, kind="stable")
    pieces = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    in_order = [pieces[index] for index in np.argsort(first)]
    return [Stretch("/".join(str(key[rows[0]]) for key in keys) or name, rows) for rows in in_order]


def first_not_later(stretches: Sequence[Stretch], time: Float64) -> int | None:
    """The first row whose time is not later than that of the row before it in its recording (rule 2)."""
    for stretch in stretches:
        late = np.diff(time[stretch.rows]) > 0
        if not late.all():
            return int(stretch.rows[int(np.argmin(late)) + 1])
    return None


def rate_of(stretches: Sequence[Stretch], time: Float64) -> float | None:
    """Samples per second (rule 2); None where no recording has two rows."""
    steps = np.concatenate([np.diff(time[stretch.rows]) for stretch in stretches])
    return float(f"{1 / np.median(steps):.4g}") if steps.size else None


def without_gaps(stretches: Sequence[Stretch], time: Float64, rate_hz: float) -> list[Stretch]:
    """Recordings cut at pauses; the pieces are numbered (rule 3)."""
    found: list[Stretch] = []
    for stretch in stretches:
        gaps = np.flatnonzero(np.diff(time[stretch.rows]) > MAX_GAP_PERIODS / rate_hz) + 1
        pieces = np.split(stretch.rows, gaps)
        numbered = (Stretch(f"{stretch.name}#{number}", rows) for number, rows in enumerate(pieces))
        found.extend(numbered if len(pieces) > 1 else [stretch])
    return found
