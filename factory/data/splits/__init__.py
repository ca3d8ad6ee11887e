"""Which windows are for training, which for validation, which are held out: never at random within a recording.

Rules
1. `given`: test is what the source says; validation is a share of the rest and asks what the test asks. Where most
   groups of the test are not in the rest, and most classes are in two groups of it: by group. Else windows that were
   recorded on their own go `by_runs`; recordings are kept whole where there are enough of them; else it is by time.
2. `group`: a group is in one part only (`by_group`).
3. `time`: each class's last windows are the test, those before them validation (`by_time`); windows with less than one
   window's length between them and a later part are in no part.
4. In the end every class is in train, and no part is empty. Of an anomaly task, what is normal is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.artifacts import PARTS, TRAIN, Int64, Task
from factory.data.splits import by_group, by_runs, by_time
from factory.errors import BadInput

NOWHERE = -1
CARVED = 2  # parts: one to train on, one for validation
MIN_CARVED_RECORDINGS = 10

Parts = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Places:
    """What a split may know of the windows: not their samples."""

    y: Int64  # (n,)
    group: npt.NDArray[np.str_]  # (n,)
    recording: Int64  # (n,), number of the recording
    timeline: Int64  # (n,), rising: first sample, counted from the beginning of the source
    reach: int  # samples: windows that are nearer than that may not be in two parts; 0: each was recorded on its own
    given: Parts | None  # (n,), TRAIN or TEST


def assign(places: Places, task: Task) -> Parts:
    """The part of each window (n,), NOWHERE for those that are in none."""
    split = task.split
    shares = (1 - split.test_share - split.validation_share, split.validation_share, split.test_share)
    if split.by == "given":
        assert places.given is not None  # settled with the task
        part = places.given.copy()
        rest = part == TRAIN
        part[rest] = _carved(places, task, rest)
        return part
    if split.by == "group":
        return by_group.assign(places.y, places.group, len(task.classes), shares, split.seed)
    return by_time.assign(places.y, places.timeline, places.reach, shares)


def _carved(places: Places, task: Task, rest: npt.NDArray[np.bool_]) -> Parts:
    """Rule 1: train and validation among the windows that are not the test."""
    y, group, recording = places.y[rest], places.group[rest], places.recording[rest]
    share, seed, classes = task.split.validation_share, task.split.seed, len(task.classes)
    shares = (1 - share, share, 0.0)
    tested = np.unique(places.group[~rest])
    strangers = np.isin(tested, group).sum() <= len(tested) / 2
    if strangers and spread(y, group, CARVED):
        return by_group.assign(y, group, classes, shares, seed)
    if places.reach == 0:
        return by_runs.assign(y, shares, seed)
    if MIN_CARVED_RECORDINGS <= len(np.unique(recording)) < len(y) and spread(y, recording, CARVED):
        return by_group.assign(y, recording.astype(np.str_), classes, shares, seed)
    return by_time.assign(y, places.timeline[rest], places.reach, shares)


def spread(y: Int64, unit: npt.NDArray[Any], parts: int) -> bool:
    """Whether most classes occur in as many units (n,) as there are parts, so that units can be kept whole."""
    pairs = np.unique(np.stack([y, np.unique(unit, return_inverse=True)[1]]), axis=1)
    units = np.unique(pairs[0], return_counts=True)[1]
    return 2 * int((units >= parts).sum()) > len(units)


def check(part: Parts, y: Int64, task: Task) -> None:
    """Rule 4.

    Raises:
        BadInput: the split that the task asks for cannot be made.
    """
    for name, number in PARTS.items():
        if not (part == number).any():
            cure = "Give more data, or other shares in [split]"
            raise BadInput("task.split", f"the {name} part would be empty", cure)
    trained = np.bincount(y[part == TRAIN], minlength=len(task.classes))
    needed = task.classes[:1] if task.kind == "anomaly" else task.classes
    for name, count in zip(needed, trained, strict=False):
        if not count:
            problem = f"class {name!r} would have no window to train on"
            raise BadInput("task.split", problem, "Give more data of it, split by = 'time', or leave it out of classes")
