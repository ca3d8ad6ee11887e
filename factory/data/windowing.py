"""Recordings into labelled windows in parts, and back: the recordings whose windows make up one part.

Rules
1. Windows are cut as `protocol.windows` says, as the device cuts them. One without any value is none.
2. A window has a label where all its samples carry that one label, exactly as an interval of ground truth counts on a
   device only where it covers the window wholly. Only those are trained on and examined.
3. Every class has at least one window, and there are at least two classes; of an anomaly task, what is normal has.
4. A recording whose windows are all in one part is that part's as a whole. Of a recording that was cut by time, a part
   has the stretches that its windows cover.
5. Windows without a label are for a teacher to judge: those of recordings that are not in the test part, nor their
   group where the split is by group, nor near a window of the test in time; evenly thinned to `max_unlabelled` of
   them, and to the memory that the labelled ones leave.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt

from factory.artifacts import TEST, Dataset, Float32, Int64, Recording, Task
from factory.data.limits import LIMITS
from factory.data.source import Loaded
from factory.data.splits import NOWHERE, Places, assign, check
from factory.data.splits.by_time import near
from factory.errors import BadInput
from protocol.windows import window_starts

MIN_CLASSES = 2


@dataclass(frozen=True, eq=False)
class Cut:
    """Where the windows are, and in which part; without the samples themselves."""

    recording: Int64  # (n,), index into the recordings
    start: Int64  # (n,), first sample in that recording
    timeline: Int64  # (n,), first sample, counted from the beginning of the source
    y: Int64  # (n,), -1 without a label
    part: npt.NDArray[np.int8]  # (n,), NOWHERE for those between two parts, and for those without a label

    def only(self, keep: npt.NDArray[np.bool_] | Int64) -> "Cut":
        """Some of the windows."""
        return Cut(self.recording[keep], self.start[keep], self.timeline[keep], self.y[keep], self.part[keep])


def windows(loaded: Loaded) -> Dataset:
    """The labelled windows of all parts, in raw units.

    Raises:
        BadInput: a class has no window, the split cannot be made, or the windows would not fit the memory limit.
    """
    cut = _checked(loaded)
    kept = cut.only(cut.part != NOWHERE)
    others = cut.only(_unlabelled(loaded, cut, LIMITS.max_array_bytes - _bytes(len(kept.y), loaded.task)))
    names = np.array([recording.name for recording in loaded.recordings])[kept.recording]
    groups = np.array([recording.group for recording in loaded.recordings])[kept.recording]
    X, unlabelled = _samples(loaded, kept), _samples(loaded, others)
    return _sealed(Dataset(loaded.task, X, kept.y, kept.part, groups, names, kept.start, "", unlabelled))


def _samples(loaded: Loaded, cut: Cut) -> Float32:
    """(n, time, channels)."""
    task = loaded.task
    X = np.empty((len(cut.y), task.window, len(task.channels)), dtype=np.float32)
    for row, (index, first) in enumerate(zip(cut.recording.tolist(), cut.start.tolist(), strict=True)):
        X[row] = loaded.recordings[index].samples[first : first + task.window]
    return X


def recordings(loaded: Loaded, part: int) -> list[Recording]:
    """What a device would have seen of one part (rule 4): its labelled windows are exactly that part's windows."""
    cut = _checked(loaded)
    cut = cut.only(cut.y >= 0)
    bounds = np.searchsorted(cut.recording, np.arange(len(loaded.recordings) + 1))
    found: list[Recording] = []
    for recording, a, b in zip(loaded.recordings, bounds[:-1], bounds[1:], strict=True):
        mine = cut.part[a:b] == part
        if mine.any() and mine.all():
            found.append(recording)
        elif mine.any():
            found.extend(_stretches(recording, cut.start[a:b][mine], loaded.task))
    return found


def _checked(loaded: Loaded) -> Cut:
    """All windows and their parts, which are fit to learn from."""
    cut = place(loaded)
    labelled = cut.only(cut.y >= 0)
    _check_classes(labelled.y, loaded.task)
    _check_size(len(labelled.y), loaded.task)
    check(labelled.part, labelled.y, loaded.task)
    return cut


def place(loaded: Loaded) -> Cut:
    """Where windows are, of which class, and in which part; whether that is fit to learn from is not checked."""
    task = loaded.task
    rows = [_starts(recording, task) for recording in loaded.recordings]
    recording = np.repeat(np.arange(len(rows), dtype=np.int64), [len(start) for start, _ in rows])
    start, y = np.concatenate([s for s, _ in rows]), np.concatenate([label for _, label in rows])
    steps = [loaded.stride or len(one.samples) for one in loaded.recordings]
    timeline = np.cumsum([0, *steps[:-1]])[recording] + start
    part = np.full(len(y), NOWHERE, dtype=np.int8)
    known = y >= 0
    group = np.array([one.group for one in loaded.recordings])[recording]
    given = None if loaded.given is None else np.array(loaded.given, dtype=np.int8)[recording][known]
    places = Places(y[known], group[known], recording[known], timeline[known], _reach(loaded), given)
    if known.any():
        part[known] = assign(places, task)
    return Cut(recording, start, timeline, y, part)


def _reach(loaded: Loaded) -> int:
    """Samples between the beginnings of two windows that are near; 0 where each was recorded on its own."""
    return 0 if loaded.stride is not None and loaded.stride >= loaded.task.window else 2 * loaded.task.window


def _starts(recording: Recording, task: Task) -> tuple[Int64, Int64]:
    """First samples and labels of the windows of one recording (rules 1 and 2)."""
    labels = recording.labels
    if len(labels) == task.window:  # most often one of many thousands
        y = labels[0] if (labels == labels[0]).all() else -1
        found = [] if np.isnan(recording.samples).all() else [0]
        return np.array(found, dtype=np.int64), np.array([y] * len(found), dtype=np.int64)
    starts = np.array(window_starts(len(labels), task.window, task.hop), dtype=np.int64)
    if not starts.size:
        return starts, starts
    absent = np.cumsum(np.append(0, np.isnan(recording.samples).all(axis=1)))
    starts = starts[absent[starts + task.window] - absent[starts] < task.window]
    changes = np.append(np.flatnonzero(np.diff(labels)) + 1, len(labels))
    run_end = changes[np.searchsorted(changes, starts, side="right")]
    return starts, np.where(run_end >= starts + task.window, labels[starts], -1)


def _unlabelled(loaded: Loaded, cut: Cut, memory: int) -> Int64:
    """Places of the windows that a teacher may judge (rule 5)."""
    tested = cut.part == TEST
    barred = np.isin(cut.recording, cut.recording[tested])
    if loaded.given is not None and loaded.task.split.by == "given":
        barred |= np.array(loaded.given)[cut.recording] == TEST
    if loaded.task.split.by == "group":
        group = np.array([recording.group for recording in loaded.recordings])[cut.recording]
        barred |= np.isin(group, group[tested])
    if loaded.task.split.by == "time":
        barred |= near(cut.timeline, cut.timeline[tested], _reach(loaded))
    free = np.flatnonzero((cut.y < 0) & ~barred)
    most = min(LIMITS.max_unlabelled, memory // _bytes(1, loaded.task), len(free))
    return free[np.linspace(0, len(free) - 1, most).astype(np.int64)] if most else free[:0]


def _check_classes(y: Int64, task: Task) -> None:
    """Rule 3."""
    counts = np.bincount(y, minlength=len(task.classes))
    if task.kind == "anomaly" and counts[0]:
        return
    present = [name for name, count in zip(task.classes, counts, strict=True) if count]
    if len(present) < MIN_CLASSES:
        problem = f"only class {present[0]!r} occurs" if present else "no window carries both values and a label"
        raise BadInput("data", problem, "Give labelled data of at least two classes")
    for name, count in zip(task.classes, counts, strict=True):
        if not count:
            problem = f"no window of {task.window} samples lies wholly in class {name!r}"
            raise BadInput("task.classes", problem, "Shorten the window, or list the other classes only")


def _bytes(n: int, task: Task) -> int:
    return n * task.window * len(task.channels) * np.dtype(np.float32).itemsize


def _check_size(n: int, task: Task) -> None:
    size = _bytes(n, task)
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
    for values in (dataset.X, dataset.y, dataset.part, dataset.start, dataset.unlabelled):
        digest.update(np.ascontiguousarray(values).data)
    for names in (dataset.group, dataset.recording):
        digest.update(json.dumps(names.tolist()).encode())
    return replace(dataset, digest=digest.hexdigest())
