"""What the source says of itself and what the task file says become one task; a contradiction is refused.

Rules
1. The task file wins, except that its rate may not differ by more than `RATE_TOLERANCE` from the one the data shows.
2. `classes` in the task file are the ones to tell apart; samples with another label count as unlabelled.
3. Windows that are ready keep their length and follow each other without overlap. Of streams, a window is `WINDOW_S`
   long by default, but at least `MIN_WINDOW` and at most `MAX_WINDOW` samples, and no longer than three quarters of
   the recordings; the next one starts half a window later.
4. The split is as the source gives it; else by group where there are at least `MIN_GROUPS`; else by time.
"""

from dataclasses import replace

import numpy as np

from factory.artifacts import Recording, Split, Task
from factory.data.limits import LIMITS
from factory.data.source import Loaded, Source, check_names, nearest
from factory.data.taskfile import TaskFile
from factory.errors import BadInput

RATE_TOLERANCE = 0.05
WINDOW_S = 4.0
MIN_WINDOW, MAX_WINDOW = 16, 1024  # samples
MIN_GROUPS = 3


def settle(source: Source, file: TaskFile) -> Loaded:
    """The task, and the recordings with their labels numbered as the task's classes are."""
    check_names(source.channels, f"{source.where}: channels")
    check_names(source.classes, f"{source.where}: classes")
    _check_recordings(source)
    classes, recordings = _classes(source, file)
    rate_hz = _rate(source, file)
    window, hop = _window(source, file, rate_hz)
    name = file.name if file.name is not None else source.name
    check_names((name,), "task.name")
    split = _split(source, file)
    task = Task(name, "classification", classes, source.channels, _units(source, file), rate_hz, window, hop, split)
    return Loaded(task, recordings, source.given)


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
    if file.classes is None:
        return source.classes, source.recordings
    check_names(file.classes, "task.classes")
    for name in file.classes:
        if name not in source.classes:
            raise BadInput("task.classes", f"no sample is labelled {name!r}", nearest(name, source.classes))
    # One more entry than there are classes, so that -1 (unlabelled) finds -1 at the end.
    number = np.array(
        [file.classes.index(name) if name in file.classes else -1 for name in source.classes] + [-1], dtype=np.int64
    )
    return file.classes, tuple(replace(recording, labels=number[recording.labels]) for recording in source.recordings)


def _rate(source: Source, file: TaskFile) -> float:
    """Rule 1."""
    cure = "Use the sensor's samples per second, for example 50"
    if file.rate_hz is not None and not 0 < file.rate_hz < float("inf"):
        raise BadInput("task.rate_hz", f"{file.rate_hz:g} is not a rate", cure)
    seen = source.rate_hz
    if seen is not None and not 0 < seen < float("inf"):
        if file.rate_hz is None:
            raise BadInput(f"{source.where}: rate_hz", f"{seen:g} is not a rate", f"{cure}, there or in the task file")
        seen = None
    if file.rate_hz is None and seen is None:
        raise BadInput("task.rate_hz", f"neither {source.where} nor a task file gives the rate", cure)
    if file.rate_hz is not None and seen is not None and abs(file.rate_hz - seen) > RATE_TOLERANCE * seen:
        problem = f"{file.rate_hz:g} contradicts the {seen:g} Hz of {source.where}"
        raise BadInput("task.rate_hz", problem, "Leave it out, or correct it (times are in seconds)")
    return float(file.rate_hz if file.rate_hz is not None else seen or 0.0)


def _window(source: Source, file: TaskFile, rate_hz: float) -> tuple[int, int]:
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
        wanted = min(max(round(WINDOW_S * rate_hz), MIN_WINDOW), MAX_WINDOW)
        window = max(1, min(wanted, int(np.quantile(lengths, 0.25))))
    if window > max(lengths):
        problem = f"{window} samples are longer than the longest recording ({max(lengths)})"
        raise BadInput("task.window", problem, "Choose a shorter window, or record for longer")
    return window, hop if hop is not None else max(1, window // 2)


def _samples(key: str, samples: int | None, seconds: float | None, rate_hz: float) -> int | None:
    if samples is not None and seconds is not None:
        raise BadInput(f"task.{key}_s", f"{key} is given too", f"Keep one of {key} (samples) and {key}_s (seconds)")
    if seconds is not None:
        samples = round(seconds * rate_hz) if 0 < seconds < float("inf") else 0
        key = f"{key}_s"
    if samples is not None and samples < 1:
        raise BadInput(f"task.{key}", f"that is {samples} samples", f"Give at least one sample ({1 / rate_hz:g} s)")
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
    by = wanted.by or ("given" if source.given else "group" if len(groups) >= MIN_GROUPS else "time")
    if by == "given" and source.given is None:
        raise BadInput("task.split.by", f"{source.where} gives no split", "Use group or time")
    if by == "group" and len(groups) < MIN_GROUPS:
        problem = f"{len(groups)} groups are too few for train, validation and test"
        raise BadInput("task.split.by", problem, f"Use by = 'time', or data of at least {MIN_GROUPS} groups")
    return Split(by, wanted.test_share, wanted.validation_share, wanted.seed)
