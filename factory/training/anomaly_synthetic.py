"""Anomalies made of normal windows: what detectors are compared by where nobody has labelled real ones.

Each window gets one of `KINDS`, on a random share of its channels, of a severity that is drawn so that small ones are
as frequent as large ones: a detector that finds more of them sees finer. After the injections of Lai et al.,
"Revisiting Time Series Outlier Detection", 2021: point, level, trend, scale and shape.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from factory.artifacts import Float32

MILDEST, GROSSEST = 0.5, 8.0  # severity, in deviations of the channel
MOST_SPIKES = 3
LEAST_DEVIATION = 1e-6

Float64 = npt.NDArray[np.float64]
Change = Callable[[Float64, float, np.random.Generator], Float64]


def synthetic(X: Float32, count: int, seed: int) -> Float32:
    """`count` anomalies (count, time, channels) made of normal windows X (n, time, channels), NaN where missing."""
    rng = np.random.default_rng(seed)
    deviation = np.maximum(np.nanstd(X, axis=(0, 1)), LEAST_DEVIATION)
    made = np.array(X[rng.integers(len(X), size=count)], dtype=np.float64)
    others = X[rng.integers(len(X), size=count)]
    for row in range(count):
        channels = _some(X.shape[2], rng)
        severity = float(np.exp(rng.uniform(np.log(MILDEST), np.log(GROSSEST))))
        kind = int(rng.integers(len(KINDS) + 1))
        if kind == len(KINDS):  # channels that go with another window
            made[row][:, channels] = others[row][:, channels]
            continue
        signals = made[row][:, channels] / deviation[channels]
        made[row][:, channels] = KINDS[kind](signals, severity, rng) * deviation[channels]
    return made.astype(np.float32)


def _some(channels: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """One channel, or several."""
    most = int(rng.integers(1, channels + 1)) if rng.random() < 0.5 else 1  # noqa: PLR2004  (as often one as many)
    return rng.permutation(channels)[:most]


def _level(signals: Float64, severity: float, rng: np.random.Generator) -> Float64:
    """From somewhere in the window on it is higher or lower."""
    since = int(rng.integers(0, max(1, len(signals) // 2)))
    shifted = signals.copy()
    shifted[since:] += severity * rng.choice((-1, 1), size=signals.shape[1])
    return shifted


def _drift(signals: Float64, severity: float, rng: np.random.Generator) -> Float64:
    """It rises or falls more and more."""
    ramp = np.linspace(0, severity, len(signals))[:, None]
    drifted: Float64 = signals + ramp * rng.choice((-1, 1), size=signals.shape[1])
    return drifted


def _scale(signals: Float64, severity: float, rng: np.random.Generator) -> Float64:
    """It swings more widely, or less."""
    middle = np.nanmean(signals, axis=0) if not np.isnan(signals).all(axis=0).any() else np.zeros(signals.shape[1])
    factor = 1 + severity
    swung: Float64 = middle + (signals - middle) * (factor if rng.random() < 0.5 else 1 / factor)  # noqa: PLR2004  (a coin)
    return swung


def _spikes(signals: Float64, severity: float, rng: np.random.Generator) -> Float64:
    """A few samples are far off."""
    struck = signals.copy()
    at = rng.integers(len(signals), size=int(rng.integers(1, MOST_SPIKES + 1)))
    struck[at] += 2 * severity * rng.choice((-1, 1), size=(len(at), signals.shape[1]))
    return struck


def _noise(signals: Float64, severity: float, rng: np.random.Generator) -> Float64:
    """Something shakes."""
    return signals + severity / 2 * rng.normal(size=signals.shape)


def _stuck(signals: Float64, severity: float, rng: np.random.Generator) -> Float64:
    """The sensor repeats itself."""
    since = int(rng.integers(0, max(1, len(signals) // 2)))
    held = signals.copy()
    held[since:] = signals[since] + severity / 10 * rng.choice((-1, 1))
    return held


def _swapped(signals: Float64, severity: float, rng: np.random.Generator) -> Float64:
    """Its parts are in the wrong order, and one of them is backwards."""
    at = int(rng.integers(1, max(2, len(signals))))
    return np.concatenate([signals[at:][::-1] + severity / 4, signals[:at]])


KINDS: tuple[Change, ...] = (_level, _drift, _scale, _spikes, _noise, _stuck, _swapped)
