"""What a source holds, and the checks that every source's samples go through."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.artifacts import Float32, Recording, Task
from factory.data.limits import LIMITS
from factory.errors import BadInput


@dataclass(frozen=True, eq=False)
class Source:
    """What a file holds, before the task file has had its say; `Recording.labels` index into `classes`, or are -1."""

    where: str  # how messages call it
    name: str
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    units: tuple[str, ...]  # one a channel, "" where unknown
    rate_hz: float | None  # None where the file does not say
    recordings: tuple[Recording, ...]
    given: tuple[int, ...] | None = None  # TRAIN or TEST, one a recording
    ready: bool = False  # every recording is one window already
    notes: tuple[str, ...] = ()  # see `Loaded`


@dataclass(frozen=True, eq=False)
class Loaded:
    """Recordings and the task they are for, checked against each other."""

    task: Task
    recordings: tuple[Recording, ...]
    given: tuple[int, ...] | None = None  # TRAIN or TEST, one a recording
    stride: int | None = None  # samples from one recording to the next where each is one window; None: streams
    notes: tuple[str, ...] = ()  # what was decided without being asked, each a sentence for the person who builds


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like this one, as part of a cure; the list of them where none is alike."""
    choices = sorted(known)
    match = difflib.get_close_matches(word, choices, n=1)
    return f"Perhaps {match[0]!r} is meant" if match else f"Use one of: {', '.join(choices) or '(none)'}"


def check_names(names: Sequence[str], where: str) -> None:
    """Names of classes, channels or recordings must be distinct, not empty, and short enough for the wire."""
    for name in names:
        if not 1 <= len(name) <= LIMITS.max_name_chars:
            raise BadInput(where, f"{name[:40]!r} has {len(name)} characters", f"Use 1 to {LIMITS.max_name_chars}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BadInput(where, f"{repeated[0]!r} occurs more than once", "Give each its own name")


def check_finite(
    X: npt.NDArray[np.floating[Any]], where: str, channels: Sequence[str], place: Callable[[int], str]
) -> None:
    """Refuse infinite values in X (rows or windows, ..., channels)."""
    infinite = np.isinf(X)
    if infinite.any():
        row, *_, channel = np.argwhere(infinite)[0]
        problem = f"{place(int(row))} holds an infinite number in channel {channels[channel]!r}"
        raise BadInput(where, problem, "Correct it, or leave it empty (NaN) where the sensor gave nothing")


def to_float32(X: npt.NDArray[Any]) -> Float32:
    """Numbers as the device will see them; what float32 cannot hold becomes infinite, for `check_finite` to find."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(X, dtype=np.float32)
