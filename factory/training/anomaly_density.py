"""A normal distribution over features of normal windows, or several that differ in their middles alone.

Rules
1. The score is the largest square among the features after whitening along their principal axes: how many deviations
   off the window is where it is strangest. A sum would hide one strange direction behind many that are not.
2. The covariance is drawn towards its diagonal by a tenth, or by more where features are many for the windows there
   are (after Schäfer and Strimmer, 2005); no feature counts as steadier than `FLOOR`, in squared deviations of its
   channel.
3. Middles are found by k-means (Lloyd, 1982), begun far apart (Arthur and Vassilvitskii, 2007); a window belongs to the
   one it scores lowest at. A machine that idles and works has two normal states, and nothing between them is normal.
"""

import time

import numpy as np
import numpy.typing as npt
import torch

from factory.architectures import Density
from factory.artifacts import Float32, Trained
from factory.training.front import Front

Float64 = npt.NDArray[np.float64]

EPSILON = 1e-5  # inside logarithms of variance
FLOOR = 1e-3
LEAST_SHRINKAGE = 0.1
ROUNDS = 20  # of k-means
BATCH_VALUES = 4_000_000  # samples times channels that are looked at together


def train(architecture: Density, X: Float32, seed: int) -> Trained:
    """The distribution of normal windows X (n, time, channels). Random is only where the search for middles begins."""
    began = time.perf_counter()
    front = Front(architecture)
    front.fit(torch.from_numpy(X))
    features = _features(architecture, front, X).astype(np.float64)
    weights = {name: value.numpy().copy() for name, value in front.state_dict(prefix="front.").items()}
    middles = _middles(features, architecture.middles, seed)
    nearest = middles[_nearest(features, middles)]
    centre, white = features.mean(0), whitening(features - nearest)
    weights["density.centre"], weights["density.whitening"] = centre.astype(np.float32), white
    weights["density.middles"] = ((middles - centre) @ white.T).astype(np.float32)
    return Trained(architecture, weights, 1, seed, time.perf_counter() - began)


def scores(trained: Trained, X: Float32) -> Float32:
    """Scores (n) of windows (n, time, channels)."""
    assert isinstance(trained.architecture, Density)
    front = Front(trained.architecture)
    state = {name.removeprefix("front."): value for name, value in trained.weights.items() if name.startswith("front.")}
    front.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    away = _features(trained.architecture, front, X) - trained.weights["density.centre"]
    white = away @ trained.weights["density.whitening"].T
    each = [np.square(white - middle).max(1) for middle in trained.weights["density.middles"]]
    score: Float32 = np.min(each, axis=0)
    return score


def whitening(features: Float64) -> Float32:
    """A matrix (features, features) after which features (n, features) have no correlation and a variance of 1."""
    n, count = features.shape
    covariance = np.atleast_2d(np.cov(features.T))
    share = max(LEAST_SHRINKAGE, count / (n + count))
    covariance = (1 - share) * covariance + share * np.diag(np.diag(covariance)) + FLOOR * np.eye(count)
    variances, axes = np.linalg.eigh(covariance)
    whitened: Float32 = (axes / np.sqrt(variances)).T.astype(np.float32)
    return whitened


def _middles(features: Float64, count: int, seed: int) -> Float64:
    """Rule 3: (middles, features), in units of the features."""
    if count == 1:
        mean: Float64 = features.mean(0, keepdims=True)
        return mean
    rng = np.random.default_rng(seed)
    unit = np.sqrt(features.var(0) + FLOOR)
    x = features / unit
    middles = x[[rng.integers(len(x))]]
    while len(middles) < count:
        away = np.square(x[:, None] - middles).sum(2).min(1) + np.finfo(float).tiny
        middles = np.append(middles, x[[rng.choice(len(x), p=away / away.sum())]], axis=0)
    for _ in range(ROUNDS):
        nearest = _nearest(x, middles)
        middles = np.array([x[nearest == i].mean(0) if (nearest == i).any() else middles[i] for i in range(count)])
    found: Float64 = middles * unit
    return found


def _nearest(x: Float64, middles: Float64) -> npt.NDArray[np.int64]:
    """Which of the middles (m, features) each of x (n, features) is nearest to."""
    distances = np.stack([np.square(x - middle).sum(1) for middle in middles], 1)
    nearest: npt.NDArray[np.int64] = np.argmin(distances, axis=1)
    return nearest


def _features(architecture: Density, front: Front, X: Float32) -> Float32:
    """Means and logarithms of deviations over time (n, features)."""
    batch = max(1, BATCH_VALUES // X[0].size)
    with torch.inference_mode():
        parts = [_of_batch(architecture, front, part) for part in torch.split(torch.from_numpy(X), batch)]
    features: Float32 = torch.cat(parts).numpy()
    return features


def _of_batch(architecture: Density, front: Front, windows: torch.Tensor) -> torch.Tensor:
    tracks, _ = front(windows)
    level = tracks.mean(1)
    spread = ((tracks - level.unsqueeze(1)).square().mean(1) + EPSILON).log() / 2
    return torch.cat([level] * architecture.level + [spread] * architecture.spread, 1)
