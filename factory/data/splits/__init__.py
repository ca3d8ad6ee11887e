"""Which windows are for training, which for validation, which are held out: never at random within a recording.

Rules
1. `given`: test is what the source says; validation is a share of the rest, by group where that has at least two
   groups, else by time.
2. `group`: a group is in one part only (`by_group`).
3. `time`: each class's last windows are the test, those before them validation (`by_time`); windows too near to a
   later part are in no part.
4. In the end every class is in train, and no part is empty.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from factory.artifacts import PARTS, TRAIN, Int64, Task
from factory.data.splits import by_group, by_time
from factory.errors import BadInput

NOWHERE = -1
MIN_CARVED_GROUPS = 2  # one to train on, one for validation

Parts = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Places:
    """What a split may know of the windows: not their samples."""

    y: Int64  # (n,)
    group: npt.NDArray[np.str_]  # (n,)
    timeline: Int64  # (n,), rising: first sample, counted from the beginning of the source
    given: Parts | None  # (n,), TRAIN or TEST


def assign(places: Places, task: Task) -> Parts:
    """The part of each window (n,), NOWHERE for those that are in none.

    Raises:
        BadInput: the split that the task asks for cannot be made.
    """
    split = task.split
    shares = (1 - split.test_share - split.validation_share, split.validation_share, split.test_share)
    if split.by == "given":
        assert places.given is not None  # settled with the task
        part = places.given.copy()
        rest = part == TRAIN
        part[rest] = _carved(places, task, rest)
    elif split.by == "group":
        part = by_group.assign(places.y, places.group, task.classes, shares, split.seed)
    else:
        part = by_time.assign(places.y, places.timeline, task.window, shares)
    _check(part, places.y, task)
    return part


def _carved(places: Places, task: Task, rest: npt.NDArray[np.bool_]) -> Parts:
    """Rule 1: train and validation among the windows that are not the test."""
    y, group, share = places.y[rest], places.group[rest], task.split.validation_share
    shares = (1 - share, share, 0.0)
    if len(np.unique(group)) >= MIN_CARVED_GROUPS:
        return by_group.assign(y, group, task.classes, shares, task.split.seed)
    return by_time.assign(y, places.timeline[rest], task.window, shares)


def _check(part: Parts, y: Int64, task: Task) -> None:
    """Rule 4."""
    for name, number in PARTS.items():
        if not (part == number).any():
            cure = "Give more data, or other shares in [split]"
            raise BadInput("task.split", f"the {name} part would be empty", cure)
    trained = np.bincount(y[part == TRAIN], minlength=len(task.classes))
    for name, count in zip(task.classes, trained, strict=True):
        if not count:
            problem = f"class {name!r} would have no window to train on"
            raise BadInput("task.split", problem, "Give more data of it, split by = 'time', or leave it out of classes")
