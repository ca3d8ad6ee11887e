"""Arrays with known names into a `Source`: windows or streams.

Rules
1. `X [n, time, channels]` are windows, `X [samples, channels]` with `rec_ptr [R + 1]` are streams.
2. float values are as they are, NaN where missing; int16 values are times `scale [channels]`, and -32768 is missing.
3. `y` is a number that indexes `classes`, or the class's text; a negative number, or a text that is not in `classes`,
   is unlabelled. One a window, one a sample, or one a recording.
4. `groups`, `split` (windows) and `rec_groups`, `rec_split`, `rec_ids` (streams) are optional; split is 0 for train
   and 1 for test.
5. `classes`, `channels`, `units` and `rate_hz` describe the data and are optional.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.artifacts import TEST, TRAIN, Float32, Int64, Recording
from factory.data.noting import too_fine
from factory.data.source import Source, check_finite, to_float32
from factory.errors import BadInput

Array = npt.NDArray[Any]

MISSING = -32768
UNGROUPED = "all"
KNOWN = frozenset({"X", "y", "scale", "groups", "split", "rec_ptr", "rec_groups", "rec_split", "rec_ids"}) | frozenset(
    {"classes", "channels", "units", "rate_hz"}
)


@dataclass(frozen=True)
class _Form:
    """How windows and streams differ in the names of their arrays and in what one row of X is."""

    row: str
    item: str  # what has a group and a part
    groups: str
    split: str


_WINDOWS = _Form("window", "window", "groups", "split")
_STREAMS = _Form("row", "recording", "rec_groups", "rec_split")


class Arrays:
    """The arrays of one file, on their way to a `Source`."""

    def __init__(self, path: Path, arrays: Mapping[str, Array]) -> None:
        self._path, self._arrays = path, arrays

    def source(self) -> Source:
        """All rules, in their order.

        Raises:
            BadInput: an array is missing, of a wrong shape or kind, or does not fit the others.
        """
        X, form = self._shaped()
        channels = self._channels(X.shape[-1])
        values = self._values(X)
        check_finite(values, self._name("X"), channels, f"{form.row} {{}}".format)
        classes, y = self._labels()
        recordings = tuple(self._windows(values, y) if form is _WINDOWS else self._streams(values, y))
        return Source(
            where=self._path.name,
            name=self._path.stem,
            classes=classes,
            channels=channels,
            units=self._units(len(channels)),
            rate_hz=self._rate(),
            recordings=recordings,
            given=self._given(form, len(recordings)),
            ready=form is _WINDOWS,
            notes=too_fine(X, channels),
        )

    def _shaped(self) -> tuple[Array, _Form]:
        """Rule 1."""
        X = self._need("X")
        form = {2: _STREAMS, 3: _WINDOWS}.get(X.ndim)
        if form is None or 0 in X.shape:
            cure = "Use [windows, time, channels], or [samples, channels] with rec_ptr"
            raise self._bad("X", f"it has the shape {X.shape}", cure)
        if form is _STREAMS and "rec_ptr" not in self._arrays:
            cure = "Add rec_ptr (each recording's first sample, and the end), or shape X as [windows, time, channels]"
            raise self._bad("X", f"it has the shape {X.shape} and there is no rec_ptr", cure)
        return X, form

    def _values(self, X: Array) -> Float32:
        """Rule 2: (..., channels)."""
        if np.issubdtype(X.dtype, np.floating):
            return to_float32(X)
        if X.dtype != np.int16:
            raise self._bad("X", f"its values are {X.dtype}", "Save it as float32, or as int16 with scale")
        scale = self._need("scale")
        if scale.shape != X.shape[-1:] or not np.issubdtype(scale.dtype, np.floating) or not np.isfinite(scale).all():
            problem = f"it is {scale.dtype} of the shape {scale.shape}"
            raise self._bad("scale", problem, f"Give one finite number a channel: {X.shape[-1]}")
        values = X.astype(np.float32) * scale.astype(np.float32)
        values[X == MISSING] = np.nan
        return values

    def _labels(self) -> tuple[tuple[str, ...], Int64]:
        """Rule 3: the classes' names, and y as numbers, -1 where unlabelled."""
        y, classes = self._need("y"), self._texts("classes")
        if y.ndim != 1 or y.dtype.kind not in "iuU":
            cure = "Give one whole number or text a window, sample or recording"
            raise self._bad("y", f"it holds {y.dtype} in the shape {y.shape}", cure)
        if y.dtype.kind == "U" or classes is None:
            found = y if y.dtype.kind == "U" else y[y >= 0]
            names = classes or tuple(str(value) for value in np.unique(found))
            return names, _numbered(y, names)
        if y.size and y.max() >= len(classes):
            problem = f"{y.max()} is not one of the {len(classes)} classes"
            raise self._bad("y", problem, "Number the classes from 0, or name them all")
        return classes, np.maximum(y.astype(np.int64), -1)

    def _windows(self, X: Float32, y: Int64) -> list[Recording]:
        n, time, _ = X.shape
        self._check_length("y", y, n, "window")
        groups = self._groups(_WINDOWS, n)
        labels = np.repeat(y[:, None], time, axis=1)
        return [Recording(f"w{i:06d}", groups[i], X[i], labels[i]) for i in range(n)]

    def _streams(self, X: Float32, y: Int64) -> list[Recording]:
        ptr = self._pointers(len(X))
        n = ptr.size - 1
        if len(y) == n:
            y = np.repeat(y, np.diff(ptr))
        self._check_length("y", y, len(X), "sample (or recording)")
        groups = self._groups(_STREAMS, n)
        names = self._texts("rec_ids") or tuple(f"r{i:05d}" for i in range(n))
        if len(names) != n:
            raise self._bad("rec_ids", f"it has {len(names)} names", f"Give one a recording: {n}")
        return [Recording(names[i], groups[i], X[a:b], y[a:b]) for i, (a, b) in enumerate(pairwise(ptr.tolist()))]

    def _pointers(self, samples: int) -> Array:
        ptr = self._need("rec_ptr")
        if ptr.ndim != 1 or ptr.dtype.kind not in "iu" or np.any(ptr[1:] <= ptr[:-1]):
            cure = "Give each recording's first sample, and the end"
            raise self._bad("rec_ptr", "it is not a rising row of whole numbers", cure)
        if ptr.size <= 1 or ptr[0] != 0 or ptr[-1] != samples:
            problem = f"it runs from {ptr[0]} to {ptr[-1]}" if ptr.size else "it is empty"
            raise self._bad("rec_ptr", problem, f"Let it run from 0 to the {samples} samples of X")
        return ptr

    def _groups(self, form: _Form, n: int) -> list[str]:
        if form.groups not in self._arrays:
            return [UNGROUPED] * n
        self._check_length(form.groups, self._arrays[form.groups], n, form.item)
        return [str(value) for value in self._arrays[form.groups]]

    def _given(self, form: _Form, n: int) -> tuple[int, ...] | None:
        """Rule 4."""
        if form.split not in self._arrays:
            return None
        values = self._arrays[form.split]
        self._check_length(form.split, values, n, form.item)
        odd = sorted(set(values.tolist()) - {0, 1})
        if odd:
            raise self._bad(form.split, f"{odd[0]!r} is no part", "Use 0 for train and 1 for test")
        return tuple(TEST if value else TRAIN for value in values.tolist())

    def _channels(self, n: int) -> tuple[str, ...]:
        names = self._texts("channels") or tuple(f"channel{i}" for i in range(n))
        if len(names) != n:
            raise self._bad("channels", f"it names {len(names)}", f"Name each of the {n} channels of X")
        return names

    def _units(self, n: int) -> tuple[str, ...]:
        """One a channel; a single text with a unit for each, between commas, or one that stands for all."""
        units = self._texts("units") or ("",)
        if len(units) == 1 and n > 1:
            parts = tuple(part.strip() for part in units[0].split(","))
            units = parts if len(parts) == n else units * n
        if len(units) != n:
            raise self._bad("units", f"it names {len(units)}", f"Name one for each of the {n} channels")
        return units

    def _rate(self) -> float | None:
        """Samples per second; whether that is a rate is decided where the task is."""
        if "rate_hz" not in self._arrays:
            return None
        try:
            return float(self._arrays["rate_hz"].reshape(()))
        except ValueError:
            problem = f"{self._arrays['rate_hz']} is not a number"
            raise self._bad("rate_hz", problem, "Give the samples per second") from None

    def _texts(self, name: str) -> tuple[str, ...] | None:
        return tuple(str(value) for value in self._arrays[name].ravel()) if name in self._arrays else None

    def _need(self, name: str) -> Array:
        if name not in self._arrays:
            there = ", ".join(sorted(self._arrays)) or "none"
            raise self._bad(name, f"there is no such array (there are: {there})", f"Add {name}")
        return self._arrays[name]

    def _check_length(self, name: str, values: Array, n: int, item: str) -> None:
        if values.shape != (n,):
            raise self._bad(name, f"it has the shape {values.shape}", f"Give one a {item}: {n}")

    def _name(self, array: str) -> str:
        return f"{self._path.name}: {array}"

    def _bad(self, array: str, problem: str, cure: str) -> BadInput:
        return BadInput(self._name(array), problem, cure)


def _numbered(y: Array, names: tuple[str, ...]) -> Int64:
    """Each label's place in `names`, -1 where it has none."""
    index = {name: number for number, name in enumerate(names)}
    values, inverse = np.unique(y, return_inverse=True)
    return np.array([index.get(str(value), -1) for value in values], dtype=np.int64)[inverse]
