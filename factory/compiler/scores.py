"""How good answers are, against what was true."""

from dataclasses import dataclass

import numpy as np

from factory.artifacts import Float32, Int64


@dataclass(frozen=True)
class Scores:
    """Shares of 1."""

    accuracy: float
    macro_f1: float  # mean over the classes that occur

    @property
    def mean(self) -> float:
        """What models are chosen by: accuracy, held to account for rare classes."""
        return (self.accuracy + self.macro_f1) / 2


def scores(probabilities: Float32, y: Int64) -> Scores:
    """Scores of probabilities (n, classes) for labels (n)."""
    predicted, classes = probabilities.argmax(1), probabilities.shape[1]
    confusion = np.bincount(y * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    right, labelled, answered = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    f1 = 2 * right / np.maximum(labelled + answered, 1)
    return Scores(float(right.sum() / len(y)), float(f1[labelled > 0].mean()))
