"""Models that learn what is normal: how a score becomes an answer, whatever it is that measures it.

Rules
1. A detector is trained on normal windows alone, and gives every window a score from 0: the higher, the stranger.
2. The threshold is the score that, of `n` normal windows held back from training, so few exceed that another one does
   with a probability of `FALSE_ALARMS` at most (Vovk et al., "Algorithmic Learning in a Random World", 2005): the
   k-th smallest, k = ceil((n + 1)(1 - FALSE_ALARMS)), or the largest where there are too few. No anomaly has a say.
3. The probability of an anomaly is the logistic function of slope * log(score / threshold): one half at the threshold.
   The slope is such that the middle one of those held-back windows has the probability `USUAL`.
4. Weights are those of the family, and `anomaly.threshold`, `anomaly.slope`, one number each.
"""

import math
from dataclasses import replace

import numpy as np

from factory.architectures import Autoencoder, Density
from factory.artifacts import Float32, Trained
from factory.training import anomaly_autoencoder, anomaly_density
from factory.training.lesson import Lesson
from factory.training.recipe import DEFAULT, Recipe

NORMAL, ANOMALY = 0, 1
FALSE_ALARMS = 0.01
USUAL = 0.05
LEAST_SCORE = 1e-6  # below it, scores are not told apart
LEAST_RATIO = 1.05  # of the threshold to the middle score
MOST_SLOPE = 20.0


def train(
    architecture: Density | Autoencoder, lesson: Lesson, seed: int, epochs: int, recipe: Recipe = DEFAULT
) -> Trained:
    """A detector of the normal windows of a lesson (rule 1), with a threshold of 1 until `limits` give one.

    Raises:
        ValueError: there are no two normal windows.
    """
    normal = lesson.X[lesson.y == NORMAL]
    if len(normal) < 2:  # noqa: PLR2004
        raise ValueError("what is normal takes two windows at least to learn")
    match architecture:
        case Density():
            trained = anomaly_density.train(architecture, normal, seed)
        case Autoencoder():
            trained = anomaly_autoencoder.train(architecture, normal, seed, epochs, recipe)
    one = np.ones((), np.float32)
    return replace(trained, weights={**trained.weights, "anomaly.threshold": one, "anomaly.slope": one})


def limits(held: Float32) -> dict[str, Float32]:
    """Threshold and slope, as weights, by the scores (n) of normal windows that were not learned from (rules 2, 3)."""
    threshold = threshold_of(held)
    ratio = max(threshold / max(float(np.median(held)), LEAST_SCORE), LEAST_RATIO)
    slope = min(math.log(1 / USUAL - 1) / math.log(ratio), MOST_SLOPE)
    return {"anomaly.threshold": np.array(threshold, np.float32), "anomaly.slope": np.array(slope, np.float32)}


def threshold_of(held: Float32) -> float:
    """The threshold that these scores (n) of normal windows give (rule 2).

    >>> threshold_of(np.arange(1, 200, dtype=np.float32))
    198.0
    """
    place = min(math.ceil((len(held) + 1) * (1 - FALSE_ALARMS)), len(held))
    return max(float(np.sort(held)[place - 1]), LEAST_SCORE)


def scores(trained: Trained, X: Float32) -> Float32:
    """Scores (n) of windows (n, time, channels)."""
    if isinstance(trained.architecture, Density):
        return anomaly_density.scores(trained, X)
    return anomaly_autoencoder.scores(trained, X)


def answers(trained: Trained, X: Float32) -> Float32:
    """Probabilities (n, 2): normal, anomaly (rule 3)."""
    threshold, slope = (float(trained.weights[f"anomaly.{name}"]) for name in ("threshold", "slope"))
    logit = slope * np.log((scores(trained, X) + LEAST_SCORE) / threshold)
    anomaly = 1 / (1 + np.exp(-np.clip(logit, -60, 60)))
    return np.stack([1 - anomaly, anomaly], 1).astype(np.float32)
