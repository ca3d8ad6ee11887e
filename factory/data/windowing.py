"""Recordings into labelled windows in parts, and back: the recordings whose windows make up one part.

Rules
1. Windows are cut as `protocol.windows` says, as the device cuts them.
2. A window has a label where all its samples carry that one label, exactly as an interval of ground truth counts on a
   device only where it covers the window wholly. Other windows are neither trained on nor examined.
3. Every class has at least one window, and there are at least two classes.
4. A recording whose windows are all in one part is that part's as a whole. Of a recording that was cut by time, a part
   has the stretches that its windows cover.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt

from factory.artifacts import Dataset, Int64, Recording, Task
from factory.data.limits import LIMITS
from factory.data.source import Loaded
from factory.data.splits import NOWHERE, Places, assign
from factory.errors import BadInput
from protocol.windows import window_starts

MIN_CLASSES = 2


@dataclass(frozen=True, eq=False)
class _Cut:
    """Where the labelled windows are, and in which part; without the samples themselves."""

    recording: Int64  # (n,), index into the recordings
    start: Int64  # (n,), first sample in that recording
    y: Int64  # (n,)
    part: npt.NDArray[np.int8]  # (n,), NOWHERE for those between two parts


def windows(loaded: Loaded) -> Dataset:
    """The labelled windows of all parts, in raw units.

    Raises:
        BadInput: a class has no window, the split cannot be made, or the windows would not fit the memory limit.
    """
    cut = _cut(loaded)
    keep = cut.part != NOWHERE
    where, start, y, part = cut.recording[keep], cut.start[keep], cut.y[keep], cut.part[keep]
    task, recordings = loaded.task, loaded.recordings
    X = np.empty((len(y), task.window, len(task.channels)), dtype=np.float32)
    for row, (index, first) in enumerate(zip(where.tolist(), start.tolist(), strict=True)):
        X[row] = recordings[index].samples[first : first + task.window]
    names = np.array([recording.name for recording in recordings])[where]
    groups = np.array([recording.group for recording in recordings])[where]
    return _sealed(Dataset(task, X, y, part, groups, names, start, digest=""))


def recordings(loaded: Loaded, part: int) -> list[Recording]:
    """What a device would have seen of one part (rule 4): its labelled windows are exactly that part's windows."""
    cut = _cut(loaded)
    bounds = np.searchsorted(cut.recording, np.arange(len(loaded.recordings) + 1))
    found: list[Recording] = []
    for recording, a, b in zip(loaded.recordings, bounds[:-1], bounds[1:], strict=True):
        mine = cut.part[a:b] == part
        if mine.any() and mine.all():
            found.append(recording)
        elif mine.any():
            found.extend(_stretches(recording, cut.start[a:b][mine], loaded.task))
    return found


def _cut(loaded: Loaded) -> _Cut:
    task = loaded.task
    rows = [_labelled_starts(recording, task) for recording in loaded.recordings]
    counts = [len(start) for start, _ in rows]
    recording = np.repeat(np.arange(len(rows), dtype=np.int64), counts)
    start, y = np.concatenate([s for s, _ in rows]), np.concatenate([label for _, label in rows])
    _check_classes(y, task)
    _check_size(len(y), task)
    offset = np.cumsum([0] + [len(one.samples) for one in loaded.recordings[:-1]])
    group = np.array([one.group for one in loaded.recordings])[recording]
    given = None if loaded.given is None else np.array(loaded.given, dtype=np.int8)[recording]
    part = assign(Places(y, group, offset[recording] + start, given), task)
    return _Cut(recording, start, y, part)


def _labelled_starts(recording: Recording, task: Task) -> tuple[Int64, Int64]:
    """First samples and labels of the windows of one recording that have a label (rules 1 and 2)."""
    labels = recording.labels
    starts = np.array(window_starts(len(labels), task.window, task.hop), dtype=np.int64)
    changes = np.append(np.flatnonzero(np.diff(labels)) + 1, len(labels))
    run_end = changes[np.searchsorted(changes, starts, side="right")] if starts.size else starts
    starts = starts[(run_end >= starts + task.window) & (labels[starts] >= 0)]
    return starts, labels[starts]


def _check_classes(y: Int64, task: Task) -> None:
    """Rule 3."""
    counts = np.bincount(y, minlength=len(task.classes))
    present = [name for name, count in zip(task.classes, counts, strict=True) if count]
    if len(present) < MIN_CLASSES:
        problem = f"only class {present[0]!r} occurs" if present else "no window carries a label"
        raise BadInput("data", problem, "Give labelled data of at least two classes")
    for name, count in zip(task.classes, counts, strict=True):
        if not count:
            problem = f"no window of {task.window} samples lies wholly in class {name!r}"
            raise BadInput("task.classes", problem, "Shorten the window, or list the other classes only")


def _check_size(n: int, task: Task) -> None:
    size = n * task.window * len(task.channels) * np.dtype(np.float32).itemsize
    if size > LIMITS.max_array_bytes:
        problem = f"a window every {task.hop} samples makes {size} bytes, over the limit of {LIMITS.max_array_bytes}"
        raise BadInput("task.hop", problem, "Choose a larger hop")


def _stretches(recording: Recording, starts: Int64, task: Task) -> Iterator[Recording]:
    """The parts of a recording that these windows cover without a break."""
    for run in np.split(starts, np.flatnonzero(np.diff(starts) > task.hop) + 1):
        a, b = int(run[0]), int(run[-1]) + task.window
        name = f"{recording.name}+{a}"
        yield replace(recording, name=name, samples=recording.samples[a:b], labels=recording.labels[a:b])


def _sealed(dataset: Dataset) -> Dataset:
    """With the digest that stands for exactly these windows in these parts."""
    digest = hashlib.sha256(json.dumps(asdict(dataset.task), sort_keys=True).encode())
    for values in (dataset.X, dataset.y, dataset.part, dataset.start):
        digest.update(np.ascontiguousarray(values).data)
    for names in (dataset.group, dataset.recording):
        digest.update(json.dumps(names.tolist()).encode())
    return replace(dataset, digest=digest.hexdigest())
