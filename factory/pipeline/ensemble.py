"""Several models' answers made into one that is better than each: a teacher for the model that is shipped. Pure.

Rules
1. Members are weighed by greedy selection with replacement (Caruana et al., "Ensemble selection from libraries of
   models", 2004): each round takes the member that helps most; how often one was taken is its weight.
2. What counts is the logarithmic loss, each class weighing the same in all, so that a teacher is sure only where it may
   be, and does not forget rare classes.
3. Probabilities are calibrated by one temperature (Guo et al., "On calibration of modern neural networks", 2017).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from factory.artifacts import Float32, Int64

ROUNDS = 24
LEAST_PROBABILITY = 1e-4  # one answer that is wrong and sure must not outweigh thousands
TEMPERATURES = np.geomspace(0.25, 4.0, 65)

Float64 = npt.NDArray[np.float64]


def weigh(answers: Sequence[Float32], y: Int64) -> Float64:
    """Weights (members,) that sum to 1, by each member's answers (n, classes) to windows of classes y (n) (rule 1)."""
    taken = np.zeros(len(answers))
    total = np.zeros_like(answers[0], dtype=np.float64)
    for chosen in range(1, ROUNDS + 1):
        losses = [log_loss((total + each) / chosen, y) for each in answers]
        best = int(np.argmin(losses))
        taken[best] += 1
        total += answers[best]
    weights: Float64 = taken / taken.sum()
    return weights


def blend(answers: Sequence[Float32], weights: Float64) -> Float32:
    """The members' answers (n, classes) as one."""
    mixed: Float32 = np.tensordot(weights, np.stack(answers), 1).astype(np.float32)
    return mixed


def log_loss(answers: npt.NDArray[np.floating], y: Int64) -> float:
    """Mean negative logarithm of the right class's probability, each class weighing the same (rule 2)."""
    loss = -np.log(np.maximum(answers[np.arange(len(y)), y], LEAST_PROBABILITY))
    counts = np.bincount(y, minlength=answers.shape[1])
    sums = np.bincount(y, loss, minlength=answers.shape[1])
    return float((sums[counts > 0] / counts[counts > 0]).mean())


def temperature(answers: Float32, y: Int64) -> float:
    """What logits are best divided by, so that these answers would be as sure as they are right (rule 3)."""
    logits = np.log(np.maximum(answers.astype(np.float64), LEAST_PROBABILITY))
    losses = [_plain_loss(logits / each, y) for each in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _plain_loss(logits: Float64, y: Int64) -> float:
    away = logits - logits.max(1, keepdims=True)
    return float((np.log(np.exp(away).sum(1)) - away[np.arange(len(y)), y]).mean())
