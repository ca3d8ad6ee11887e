"""What a compiled model is worth on one part of the data. Pure: the answers come in, nothing is run here.

Rules
1. A model's answer is its most probable class, the first of them where two are equal, as on the device.
2. Accuracy is the share of windows answered rightly, with the Wilson score interval at 95 % (Wilson 1927). The
   interval takes windows for independent; windows of one person are not quite, so the accuracy by group is told beside
   it.
3. Macro-F1 is the mean F1 of the classes that occur, as label or as answer.
4. The calibration error is the expected one (Naeini et al. 2015; Guo et al. 2017): windows are put into `BINS` equally
   wide bins by the probability of their answer; it is the mean difference between accuracy and probability, weighted by
   windows.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from factory.artifacts import PARTS, Bin, Dataset, Evidence, Float32, Int64, Latency

BINS = 10
Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution

Bools = npt.NDArray[np.bool_]


def examine(part: str, dataset: Dataset, probabilities: Float32, latency: Latency) -> Evidence:
    """The evidence that a model's answers give.

    Args:
        part: a name of `PARTS`; the one that all windows of `dataset` are in.
        dataset: the windows that were answered, as `Dataset.only` gives them.
        probabilities: (windows, classes), from the compiled model, in the dataset's order.
        latency: of the same model, batch 1.

    Raises:
        ValueError: there is no window, windows of another part are among them, or the answers are not theirs.
    """
    n, classes = len(dataset.y), len(dataset.task.classes)
    if not n or (dataset.part != PARTS[part]).any():
        raise ValueError(f"an examination on the {part} part needs windows of that part only")
    if probabilities.shape != (n, classes) or not np.isfinite(probabilities).all():
        raise ValueError(
            f"answers of the shape {probabilities.shape} are no probabilities of {n} windows, {classes} classes"
        )
    answers = probabilities.argmax(axis=1)
    right = answers == dataset.y
    low, high = wilson(int(right.sum()), n)
    counts = confusion(dataset.y, answers, classes)
    bins = reliability(probabilities.max(axis=1), right)
    return Evidence(
        part=part,
        windows=n,
        accuracy=float(right.mean()),
        macro_f1=macro_f1(counts),
        accuracy_low=low,
        accuracy_high=high,
        confusion=counts,
        accuracy_by_group={str(one): float(right[dataset.group == one].mean()) for one in np.unique(dataset.group)},
        latency=latency,
        calibration_error=calibration_error(bins),
        reliability=bins,
    )


def wilson(correct: int, n: int) -> tuple[float, float]:
    """The interval in which a share of `correct` out of `n` lies with 95 % confidence (rule 2); (0, 1) where n is 0."""
    if not n:
        return 0.0, 1.0
    share, z2 = correct / n, Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def confusion(labels: Int64, answers: Int64, classes: int) -> tuple[tuple[int, ...], ...]:
    """Windows by [label][answer]."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, answers), 1)
    return tuple(tuple(row) for row in counts.tolist())


def macro_f1(counts: Sequence[Sequence[int]]) -> float:
    """Mean F1 of the classes of a confusion matrix [label][answer] (rule 3); 0 where it is empty."""
    table = np.array(counts, dtype=np.float64)
    involved = table.sum(axis=0) + table.sum(axis=1)  # 2 TP + FP + FN
    occurs = involved > 0
    return float((2 * table.diagonal()[occurs] / involved[occurs]).mean()) if occurs.any() else 0.0


def reliability(confidence: Float32, right: Bools) -> tuple[Bin, ...]:
    """The bins of rule 4 that have windows. `confidence` (windows,): probability of the answer, 0 to 1."""
    place = np.minimum((np.clip(confidence, 0, 1) * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(int(some.sum()), float(confidence[some].mean(dtype=np.float64)), float(right[some].mean()))
        for some in (place == i for i in range(BINS))
        if some.any()
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error of rule 4: 0 where probabilities can be taken at their word."""
    windows = sum(one.windows for one in bins)
    return sum(one.windows * abs(one.accuracy - one.confidence) for one in bins) / windows
