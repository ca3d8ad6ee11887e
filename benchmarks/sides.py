"""What every side of the comparison is handed, and what it hands back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from factory.artifacts import Budget, Dataset, Float32, Trial

Answers = Callable[[Float32], Float32]  # windows (n, time, channels) -> probabilities or scores (n, classes)


@dataclass(frozen=True)
class Fitted:
    """A model, and what it costs."""

    answers: Answers
    bytes: int  # as stored
    macs: int  # a window
    seconds: float  # that it took to make, search included


Fit = Callable[[Dataset, Budget, int], Fitted]  # windows to train and validate on, the limits, a seed


@dataclass(frozen=True)
class Filler:
    """Windows in deviations of their channel from its mean, 0 where missing: for sides that cannot do it themselves."""

    centre: Float32  # (channels)
    gain: Float32

    @classmethod
    def of(cls, X: Float32) -> "Filler":
        """From training windows (n, time, channels)."""
        rows = X.reshape(-1, X.shape[-1]).astype(np.float64)
        known = np.isfinite(rows).any(axis=0)
        centre, deviation = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
        centre[known], deviation[known] = np.nanmean(rows[:, known], axis=0), np.nanstd(rows[:, known], axis=0)
        return cls(centre.astype(np.float32), (1 / np.where(deviation > 0, deviation, 1)).astype(np.float32))

    def __call__(self, X: Float32) -> Float32:
        """(n, time, channels)."""
        return np.nan_to_num((X - self.centre) * self.gain, copy=False, nan=0.0)


class Nothing:
    """A journal that forgets, and a progress that nobody watches."""

    def trials(self) -> list[Trial]:
        return []

    def record(self, trial: Trial) -> None:
        pass

    def stage(self, text: str) -> None:
        pass

    def finished(self, trial: Trial, best: Trial, share: float) -> None:
        pass
