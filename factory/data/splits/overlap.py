"""Whether windows that came ready were cut from one stream so that they share samples with their neighbours.

A window that begins `s` samples after the one before it repeats all but the first `s` samples of it, to the last bit;
windows that were recorded on their own do not.
"""

from collections.abc import Sequence

import numpy as np

from factory.artifacts import Float32

PAIRS = 200  # neighbours that are looked at, spread over the whole set
LEAST_SHARE = 0.1  # of the pairs that must overlap: windows of one class are often not neighbours in the file
LEAST_SAMPLES = 4  # that two windows must share, and that must not all be equal


def stride(windows: Sequence[Float32]) -> int:
    """Samples from one window (time, channels) to the next; the windows' length where they share none."""
    length = len(windows[0])
    chosen = np.unique(np.linspace(0, max(0, len(windows) - 2), PAIRS).astype(np.int64)).tolist()
    found = [_shift(windows[i], windows[i + 1]) for i in chosen if i + 1 < len(windows)]
    shifts = [shift for shift in found if shift is not None]
    return min(shifts) if len(shifts) > LEAST_SHARE * len(found) else length


def _shift(one: Float32, other: Float32) -> int | None:
    """After how many samples of `one` `other` begins; None where it does not."""
    first = np.flatnonzero((one[1:] == other[0]).all(axis=1)) + 1
    for shift in first[first <= len(one) - LEAST_SAMPLES].tolist():
        shared = one[shift:]
        if np.ptp(shared, axis=0).any() and np.array_equal(shared, other[: len(shared)]):
            return int(shift)
    return None
