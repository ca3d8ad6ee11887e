"""What the source says of itself and what the task file says become one task; a contradiction is refused.

Rules
1. The task file wins, except that its rate may not differ by more than `RATE_TOLERANCE` from the one the data shows.
   Where neither gives a rate, it is `UNKNOWN_RATE_HZ`, so that times count samples.
2. `classes` in the task file are the ones to tell apart; samples with another label count as unlabelled. Without them
   it is the classes of the source, except one whose name says that it is none (`UNLABELLED`).
3. Windows that are ready keep their length and follow each other without overlap, and so do clips, unless the task file
   says how long a window is. Of streams, a window is `WINDOW_S` long by default, `UNKNOWN_WINDOW` samples where the
   rate is unknown; but at least `MIN_WINDOW` and at most `MAX_WINDOW` samples, no longer than three quarters of the
   recordings, and so long that each class's typical event holds a whole one wherever it begins. The next one starts
   half a window later.
4. The split is as the source gives it; else by group where most classes are in at least `MIN_GROUPS`; else by time.
5. What was decided without being asked is said in `Loaded.notes`.
6. An anomaly task has two classes, whatever its labels (`normality`).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from factory.artifacts import Recording, Split, Task
from factory.data import normality
from factory.data.clips import Clips, as_clips
from factory.data.limits import LIMITS
from factory.data.noting import pauses, useless
from factory.data.source import Loaded, Source, check_names, nearest
from factory.data.splits import spread
from factory.data.splits.overlap import stride
from factory.data.taskfile import TaskFile
from factory.errors import BadInput

RATE_TOLERANCE = 0.05
UNKNOWN_RATE_HZ = 1.0
UNLABELLED = frozenset({"unlabelled", "unlabeled", "not labelled", "not labeled", "no label"})
WINDOW_S = 4.0
UNKNOWN_WINDOW = 128  # samples
MIN_WINDOW, MAX_WINDOW = 16, 1024  # samples
HOP_SHARE = 0.5  # of a window
MIN_GROUPS = 3


def settle(source: Source, file: TaskFile) -> Loaded:
    """The task, and the recordings with their labels numbered as the task's classes are."""
    check_names(source.channels, f"{source.where}: channels")
    check_names(source.classes, f"{source.where}: classes")
    _check_recordings(source)
    classes, recordings = _classes(source, file)
    left_out = _said_of_classes(source, classes, file)
    if file.kind == "anomaly":
        normal = (file.normal,) if isinstance(file.normal, str) else file.normal
        classes, recordings = normality.CLASSES, normality.judged(recordings, classes, normal)
    rate_hz = _rate(source, file)
    notes = [*source.notes, *useless(recordings, source.channels), *pauses(recordings, ready=source.ready)]
    notes += left_out + _said_of_rate(source, rate_hz)
    clips = None if source.ready or _windowed(file) else as_clips(recordings, rate_hz)
    if clips is not None:
        recordings = clips.recordings
        notes.append(_said_of_clips(clips))
    settled = replace(source, recordings=recordings, classes=classes, ready=source.ready or clips is not None)
    window, hop = _window(settled, file, rate_hz)
    name = file.name if file.name is not None else source.name
    check_names((name,), "task.name")
    split, units, rate = _split(settled, file), _units(source, file), rate_hz or UNKNOWN_RATE_HZ
    task = Task(name, file.kind, classes, source.channels, units, rate, window, hop, split)
    return Loaded(task, recordings, source.given, _stride(source, window, clips), tuple(notes))


def _windowed(file: TaskFile) -> bool:
    """Whether the task file says how windows are cut."""
    return (file.window, file.window_s, file.hop, file.hop_s) != (None,) * 4


def _stride(source: Source, window: int, clips: Clips | None) -> int | None:
    """Samples from one ready window or clip to the next; None for streams."""
    if clips is not None:
        return window
    return stride([recording.samples for recording in source.recordings]) if source.ready else None


def _check_recordings(source: Source) -> None:
    names = [recording.name for recording in source.recordings]
    seen: set[str] = set()
    for name in names:
        if name in seen or not 1 <= len(name) <= LIMITS.max_recording_chars:
            problem = (
                f"{name[:40]!r} names more than one" if name in seen else f"{name[:40]!r} has {len(name)} characters"
            )
            raise BadInput(
                f"{source.where}: recordings", problem, f"Give each its own name of 1 to {LIMITS.max_recording_chars}"
            )
        seen.add(name)


def _classes(source: Source, file: TaskFile) -> tuple[tuple[str, ...], tuple[Recording, ...]]:
    """Rule 2."""
    wanted = file.classes
    if wanted is None:
        wanted = tuple(name for name in source.classes if name.strip().lower() not in UNLABELLED)
        if wanted == source.classes:
            return source.classes, source.recordings
    check_names(wanted, "task.classes")
    for name in wanted:
        if name not in source.classes:
            raise BadInput("task.classes", f"no sample is labelled {name!r}", nearest(name, source.classes))
    return wanted, renumbered(source.recordings, source.classes, wanted)


def renumbered(recordings: Sequence[Recording], classes: Sequence[str], wanted: Sequence[str]) -> tuple[Recording, ...]:
    """Recordings whose labels index into `wanted` in place of `classes`; other labels become unlabelled."""
    # One more entry than there are classes, so that -1 (unlabelled) finds -1 at the end.
    places = [wanted.index(name) if name in wanted else -1 for name in classes]
    number = np.array([*places, -1], dtype=np.int64)
    return tuple(replace(recording, labels=number[recording.labels]) for recording in recordings)


def _said_of_classes(source: Source, classes: tuple[str, ...], file: TaskFile) -> list[str]:
    left_out = [name for name in source.classes if name not in classes and file.classes is None]
    return [f"Class {name!r} counts as unlabelled; list it in task.classes if it is one to tell." for name in left_out]


def _rate(source: Source, file: TaskFile) -> float | None:
    """Rule 1; None where it is unknown."""
    cure = "Use the sensor's samples per second, for example 50"
    if file.rate_hz is not None and not 0 < file.rate_hz < float("inf"):
        raise BadInput("task.rate_hz", f"{file.rate_hz:g} is not a rate", cure)
    seen = source.rate_hz or None  # 0 stands for an unknown one
    if seen is not None and not 0 < seen < float("inf"):
        if file.rate_hz is None:
            raise BadInput(f"{source.where}: rate_hz", f"{seen:g} is not a rate", f"{cure}, there or in the task file")
        seen = None
    if file.rate_hz is not None and seen is not None and abs(file.rate_hz - seen) > RATE_TOLERANCE * seen:
        problem = f"{file.rate_hz:g} contradicts the {seen:g} Hz of {source.where}"
        raise BadInput("task.rate_hz", problem, "Leave it out, or correct it (times are in seconds)")
    rate_hz = file.rate_hz if file.rate_hz is not None else seen
    for key in ("window_s", "hop_s"):
        if rate_hz is None and getattr(file, key) is not None:
            problem = "neither the data nor the task file gives the rate"
            raise BadInput(f"task.{key}", problem, f"Give rate_hz too, or {key.removesuffix('_s')} in samples")
    return None if rate_hz is None else float(rate_hz)


def _said_of_rate(source: Source, rate_hz: float | None) -> list[str]:
    note = (
        f"{source.where} does not give its rate: times count samples, as at {UNKNOWN_RATE_HZ:g} Hz. "
        "Give rate_hz in the task file before a device uses the model."
    )
    return [note] if rate_hz is None else []


def _said_of_clips(clips: Clips) -> str:
    return (
        f"Each recording is one window of {clips.window} samples: {clips.filled} shorter ones are filled up at the "
        f"end, {clips.cropped} longer ones cut off there."
    )


def _window(source: Source, file: TaskFile, rate_hz: float | None) -> tuple[int, int]:
    """Rule 3: length and hop, samples."""
    lengths = [len(recording.samples) for recording in source.recordings]
    window = _samples("window", file.window, file.window_s, rate_hz)
    hop = _samples("hop", file.hop, file.hop_s, rate_hz)
    if source.ready:
        for key, value in (("window", window), ("hop", hop)):
            if value not in {None, lengths[0]}:
                problem = f"{value} samples, but the windows of {source.where} are ready and have {lengths[0]}"
                raise BadInput(f"task.{key}", problem, "Leave it out")
        return lengths[0], lengths[0]
    if window is None:
        wanted = UNKNOWN_WINDOW if rate_hz is None else min(round(WINDOW_S * rate_hz), MAX_WINDOW)
        wanted = max(MIN_WINDOW, min(wanted, _longest_certain(source.recordings)))
        window = max(1, min(wanted, int(np.quantile(lengths, 0.25))))
    if window > max(lengths):
        problem = f"{window} samples are longer than the longest recording ({max(lengths)})"
        raise BadInput("task.window", problem, "Choose a shorter window, or record for longer")
    return window, hop if hop is not None else max(1, int(window * HOP_SHARE))


def _longest_certain(recordings: Sequence[Recording]) -> int:
    """Samples of the longest window that fits each class's median event, wherever on the grid of half windows it is."""
    events: dict[int, list[int]] = {}
    for recording in recordings:
        edges = [0, *(np.flatnonzero(np.diff(recording.labels)) + 1).tolist(), len(recording.labels)]
        for a, b in pairwise(edges):
            events.setdefault(int(recording.labels[a]), []).append(b - a)
    typical = [float(np.median(lengths)) for label, lengths in events.items() if label >= 0]
    return int(min(typical, default=0.0) / (1 + HOP_SHARE))


def _samples(key: str, samples: int | None, seconds: float | None, rate_hz: float | None) -> int | None:
    if samples is not None and seconds is not None:
        raise BadInput(f"task.{key}_s", f"{key} is given too", f"Keep one of {key} (samples) and {key}_s (seconds)")
    if seconds is not None:
        assert rate_hz is not None  # settled before
        samples = round(seconds * rate_hz) if 0 < seconds < float("inf") else 0
        key = f"{key}_s"
    if samples is not None and samples < 1:
        least = "" if rate_hz is None else f" ({1 / rate_hz:g} s)"
        raise BadInput(f"task.{key}", f"that is {samples} samples", f"Give at least one sample{least}")
    return samples


def _units(source: Source, file: TaskFile) -> tuple[str, ...]:
    if file.units is None:
        return source.units
    units = (file.units,) * len(source.channels) if isinstance(file.units, str) else file.units
    if len(units) != len(source.channels):
        problem = f"{len(units)} units for {len(source.channels)} channels"
        raise BadInput("task.units", problem, "Give one a channel, or a single text for all")
    return units


def _split(source: Source, file: TaskFile) -> Split:
    """Rule 4."""
    wanted, groups = file.split, {recording.group for recording in source.recordings}
    for key, share in (("test_share", wanted.test_share), ("validation_share", wanted.validation_share)):
        if not 0 < share < 1:
            raise BadInput(
                f"task.split.{key}", f"{share:g} is not a share", "Use a number between 0 and 1, for example 0.2"
            )
    if wanted.test_share + wanted.validation_share >= 1:
        raise BadInput(
            "task.split.test_share", "with validation_share it leaves nothing to train on", "Make them smaller"
        )
    if wanted.seed < 0:
        raise BadInput("task.split.seed", f"{wanted.seed} is below 0", "Use a whole number from 0")
    by = wanted.by or ("given" if source.given else "group" if _spread(source.recordings) else "time")
    if by == "given" and source.given is None:
        raise BadInput("task.split.by", f"{source.where} gives no split", "Use group or time")
    if by == "group" and len(groups) < MIN_GROUPS:
        problem = f"{len(groups)} groups are too few for train, validation and test"
        raise BadInput("task.split.by", problem, f"Use by = 'time', or data of at least {MIN_GROUPS} groups")
    return Split(by, wanted.test_share, wanted.validation_share, wanted.seed)


def _spread(recordings: Sequence[Recording]) -> bool:
    """Whether most classes are in groups enough for train, validation and test."""
    pairs = [(int(label), one.group) for one in recordings for label in np.unique(one.labels) if label >= 0]
    labels, groups = np.array([label for label, _ in pairs], dtype=np.int64), np.array([group for _, group in pairs])
    return bool(pairs) and spread(labels, groups, MIN_GROUPS)
