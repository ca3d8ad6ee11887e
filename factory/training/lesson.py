"""What there is to learn from: windows, their classes, and what a teacher says of them."""

from dataclasses import dataclass

import numpy as np

from factory.artifacts import Float32, Int64

UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Lesson:
    """Windows X (n, time, channels), NaN where missing, and their classes y (n).

    `soft` (n, classes) is a teacher's probabilities; a window of class `UNKNOWN` needs them.
    """

    X: Float32
    y: Int64
    soft: Float32 | None = None

    def __post_init__(self) -> None:
        if self.soft is None and (self.y == UNKNOWN).any():
            raise ValueError("a window of unknown class needs a teacher's probabilities")

    @property
    def labelled(self) -> "Lesson":
        """The windows of known class."""
        known = self.y != UNKNOWN
        return Lesson(self.X[known], self.y[known], None if self.soft is None else self.soft[known])

    def targets(self, classes: int, soft_share: float) -> Float32:
        """Probabilities (n, classes) to learn: the class, mixed with the teacher's view where there is one."""
        hard = np.zeros((len(self.y), classes), np.float32)
        known = self.y != UNKNOWN
        hard[known, self.y[known]] = 1
        if self.soft is None:
            return hard
        mixed: Float32 = np.where(known[:, None], (1 - soft_share) * hard + soft_share * self.soft, self.soft)
        return mixed
