"""Classes that cannot be learned are set aside, and it is said aloud, so that the rest can be built without asking.

Rules
1. A class without a window, or without one in the train part, counts as unlabelled. Where the task file lists the
   classes, or fewer than two would remain, nothing is set aside: `windows` refuses then. Anomaly tasks need no
   examples of what they are to find.
2. A class without a window to validate or to test on remains; what the model is worth for it, nobody knows.
"""

from dataclasses import replace

import numpy as np

from factory.artifacts import TEST, TRAIN, VALIDATION
from factory.data.settling import renumbered
from factory.data.source import Loaded
from factory.data.windowing import MIN_CLASSES, Cut, place


def sift(loaded: Loaded) -> Loaded:
    """The same recordings, their classes reduced to those that can be learned (rule 1)."""
    if loaded.task.kind != "classification":
        return loaded
    cut = place(loaded)
    trained = _count(loaded, cut, TRAIN)
    kept = tuple(name for name, count in zip(loaded.task.classes, trained, strict=True) if count)
    if len(kept) < MIN_CLASSES:
        return loaded
    if kept == loaded.task.classes:
        return replace(loaded, notes=loaded.notes + _unknown(loaded, cut))
    found = np.bincount(cut.y[cut.y >= 0], minlength=len(loaded.task.classes))
    notes = tuple(
        _set_aside(name, count, loaded.task.window)
        for name, count in zip(loaded.task.classes, found.tolist(), strict=True)
        if name not in kept
    )
    recordings = renumbered(loaded.recordings, loaded.task.classes, kept)
    task = replace(loaded.task, classes=kept)
    return sift(replace(loaded, task=task, recordings=recordings, notes=loaded.notes + notes))


def _count(loaded: Loaded, cut: Cut, part: int) -> list[int]:
    counts: list[int] = np.bincount(cut.y[cut.part == part], minlength=len(loaded.task.classes)).tolist()
    return counts


def _set_aside(name: str, count: int, window: int) -> str:
    why = f"none of its {count} windows can be trained on" if count else f"no window of {window} samples lies in it"
    return f"Class {name!r} is set aside, and counts as unlabelled: {why}."


def _unknown(loaded: Loaded, cut: Cut) -> tuple[str, ...]:
    """Rule 2."""
    return tuple(
        f"Class {name!r} has no window to {what} on: nobody knows how well the model tells it."
        for part, what in ((VALIDATION, "validate"), (TEST, "test"))
        for name, count in zip(loaded.task.classes, _count(loaded, cut, part), strict=True)
        if not count and (cut.part == part).any()
    )
