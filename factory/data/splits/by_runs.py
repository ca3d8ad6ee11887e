"""Windows into parts by runs of neighbours: class by class, each class's windows in their order are cut into runs, and
the runs are dealt to the parts in proportion, in an order drawn from the seed.

For windows that were recorded on their own, which have no group to keep together. Runs rather than single windows,
because neighbours in a file are often from one session. A class of two windows or more is in two parts at least where
the parts are equal.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from factory.artifacts import TRAIN, Int64

RUNS = 20  # of a class, at least, where it has as many windows
RUNS_A_PART = 4


def assign(y: Int64, shares: Sequence[float], seed: int) -> npt.NDArray[np.int8]:
    """The part of each window (n,), in order of time; every class has a window in TRAIN."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(shares) / np.sum(shares)
    part = np.empty(len(y), dtype=np.int8)
    for number in np.unique(y):
        mine = np.flatnonzero(y == number)
        runs = min(len(mine), RUNS)
        dealt = np.minimum(np.searchsorted(ends, (np.arange(runs) + 0.5) / runs), len(ends) - 1)
        if TRAIN not in dealt:
            dealt[0] = TRAIN
        part[mine] = rng.permutation(dealt)[np.arange(len(mine)) * runs // len(mine)]
    return part


def fold(y: Int64, count: int, seed: int) -> npt.NDArray[np.int8]:
    """The fold of each window (n,), in order of time: 0 to `count` - 1, equally often."""
    rng = np.random.default_rng(seed)
    folds = np.empty(len(y), dtype=np.int8)
    for number in np.unique(y):
        mine = np.flatnonzero(y == number)
        runs = min(len(mine), RUNS_A_PART * count)
        dealt = (((np.arange(runs) + 0.5) * count / runs).astype(np.int8) + rng.integers(count)) % count
        folds[mine] = rng.permutation(dealt)[np.arange(len(mine)) * runs // len(mine)]
    return folds
