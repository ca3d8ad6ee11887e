"""Each class's timeline into train, then validation, then test, with a gap between them.

Order in the source is order in time. Class by class, because sources are often sorted by class and events come in
runs. A window is in no part where a window of a later part is near: windows that share samples, or nearly do, would
tell on each other.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from factory.artifacts import TEST, TRAIN, VALIDATION, Int64


def assign(y: Int64, timeline: Int64, reach: int, shares: Sequence[float]) -> npt.NDArray[np.int8]:
    """The part of each window (n,), -1 for those in a gap.

    Args:
        y: (n,) class numbers.
        timeline: (n,) first samples, rising.
        reach: samples from one window to the next that is no longer near it; 0: no window is near another.
        shares: of train, validation and test; a share of 0 stays empty.
    """
    part = np.full(len(y), TRAIN, dtype=np.int8)
    for number in np.unique(y):
        mine = np.flatnonzero(y == number)
        tested = round(shares[TEST] * len(mine))
        validated = round(shares[VALIDATION] * len(mine))
        part[mine[len(mine) - tested :]] = TEST
        part[mine[len(mine) - tested - validated : len(mine) - tested]] = VALIDATION
    close = {p: near(timeline, timeline[part > p], reach) & (part == p) for p in (TRAIN, VALIDATION)}
    part[close[TRAIN] | close[VALIDATION]] = -1
    return part


def near(timeline: Int64, others: Int64, distance: int) -> npt.NDArray[np.bool_]:
    """Which starts have one of `others` (rising) less than `distance` samples away."""
    if not others.size:
        return np.zeros(len(timeline), dtype=np.bool_)
    place = np.searchsorted(others, timeline)
    after = others[np.minimum(place, len(others) - 1)]
    before = others[np.maximum(place - 1, 0)]
    away: Int64 = np.minimum(np.abs(after - timeline), np.abs(before - timeline))
    return away < distance
