"""Folds for cross-validation: each asks what the split into train and validation asks.

Rules
1. By group, where no group is in both train and validation, and most classes are in two groups at least.
2. Else by recording, where there are at least as many as folds, with two windows each on average, and most classes are
   in two of them.
3. Else class by class in runs of neighbours (`by_runs`). A window that shares samples with one before it in another
   fold is in no fold.
4. There are as many folds as asked for, or as there are groups (rule 1), or windows of the commonest class (rule 3),
   but two at least. A class that is rarer than that is missing from some folds; one that is in a single group, or of
   a single window, is missing where that is left out.
"""

import numpy as np
import numpy.typing as npt

from factory.artifacts import TRAIN, VALIDATION, Dataset, Int64
from factory.data.splits import NOWHERE, by_group, by_runs, spread
from factory.data.splits.overlap import stride
from factory.errors import BadInput

MIN_FOLDS = 2

Folds = npt.NDArray[np.int8]


def folds(dataset: Dataset, count: int, seed: int) -> Folds:
    """The fold (n,) of each window, from 0 up; `NOWHERE` (-1) for windows that are in none, and never to be used.

    Args:
        dataset: windows of the train and the validation part.
        count: folds asked for, from 2.
        seed: equal seeds give equal folds.

    Raises:
        BadInput: there are too few windows for two folds.
    """
    classes, y = len(dataset.task.classes), dataset.y
    if len(y) < MIN_FOLDS:
        raise BadInput("data", f"{len(y)} windows cannot be divided", "Give more data")
    groups, recordings = len(np.unique(dataset.group)), len(np.unique(dataset.recording))
    if not _shared(dataset) and spread(y, dataset.group, MIN_FOLDS):
        number = min(count, groups)
        return by_group.assign(y, dataset.group, classes, (1 / number,) * number, seed)
    if count <= recordings <= len(y) / MIN_FOLDS and spread(y, dataset.recording, MIN_FOLDS):
        return by_group.assign(y, dataset.recording, classes, (1 / count,) * count, seed)
    number = max(MIN_FOLDS, min(count, int(np.bincount(y).max())))
    return _by_runs(dataset, number, seed)


def _shared(dataset: Dataset) -> bool:
    """Whether a group is in train and in validation, so that groups are not what the task asks about."""
    train, validation = (dataset.group[dataset.part == part] for part in (TRAIN, VALIDATION))
    return bool(np.isin(validation, train).any())


def _by_runs(dataset: Dataset, number: int, seed: int) -> Folds:
    """Rule 3."""
    place, reach = _timeline(dataset)
    order = np.argsort(place, kind="stable")
    dealt = by_runs.fold(dataset.y[order], number, seed)
    result = np.empty(len(order), dtype=np.int8)
    result[order] = _apart(dealt, place[order], reach)
    return result


def _timeline(dataset: Dataset) -> tuple[Int64, int]:
    """Where each window begins (n,), over all recordings one after the other, and from what distance two are apart."""
    window = dataset.task.window
    names, first, code = np.unique(dataset.recording, return_index=True, return_inverse=True)
    if len(names) == len(dataset.y):
        return stride(list(dataset.X)) * np.arange(len(names)), window  # ready windows, in the order of their source
    length = int(dataset.start.max()) + window
    place: Int64 = np.argsort(np.argsort(first))[code] * length + dataset.start
    return place, window


def _apart(dealt: Folds, place: Int64, reach: int) -> Folds:
    """Folds of windows in order of time, without those that overlap one of another fold before them."""
    kept = dealt.copy()
    last: dict[int, int] = {}  # fold -> place of its last window
    for index, (fold, here) in enumerate(zip(dealt.tolist(), place.tolist(), strict=True)):
        if any(other != fold and here - there < reach for other, there in last.items()):
            kept[index] = NOWHERE
        else:
            last[fold] = here
    return kept
