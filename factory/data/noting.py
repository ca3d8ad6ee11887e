"""What a channel's values say about the sensor, in sentences for the person who builds. Nothing is refused for it.

Rules
1. A channel that is always missing, or never changes, teaches nothing; the device must still supply it.
2. Models compute with 32-bit numbers. A channel that varies by less than `LEAST_STEPS` of their steps around its mean
   loses its signal before any model sees it.
3. Values that are missing in all channels at once are a pause of the sensor, or the filling of a short window.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.artifacts import Recording

LEAST_STEPS = 8.0  # of float32 that a standard deviation should span
ROWS = 100_000  # that tell a channel's mean and deviation
NAMED = 5  # channels that a sentence names at most


def too_fine(X: npt.NDArray[Any], channels: Sequence[str]) -> tuple[str, ...]:
    """Rule 2, for X (..., channels) as the source holds it, before it is float32."""
    if not np.issubdtype(X.dtype, np.floating):
        return ()
    rows = X.reshape(-1, X.shape[-1])
    rows = rows[:: max(1, len(rows) // ROWS)].astype(np.float64)
    lost = [name for name, values in zip(channels, rows.T, strict=True) if _is_too_fine(values[np.isfinite(values)])]
    note = (
        f"{_channels(lost)} a signal far smaller than the offset it lies on, which 32-bit numbers cannot hold: "
        "subtract the offset before recording, at the device too."
    )
    return (note,) if lost else ()


def _is_too_fine(values: npt.NDArray[np.float64]) -> bool:
    if not values.size:
        return False
    step = float(np.spacing(np.abs(values.mean()).astype(np.float32)))
    return 0 < float(values.std()) < LEAST_STEPS * step


def useless(recordings: Sequence[Recording], channels: Sequence[str]) -> tuple[str, ...]:
    """Rule 1."""
    low, high = np.full(len(channels), np.inf), np.full(len(channels), -np.inf)
    for recording in recordings:
        low = np.fmin(low, np.fmin.reduce(recording.samples, axis=0))
        high = np.fmax(high, np.fmax.reduce(recording.samples, axis=0))
    missing = [name for name, a, b in zip(channels, low, high, strict=True) if a > b]
    constant = [name for name, a, b in zip(channels, low, high, strict=True) if a == b]
    notes = [f"{_channels(missing)} no value at all."] if missing else []
    return (*notes, *([f"{_channels(constant)} one and the same value throughout."] if constant else []))


def pauses(recordings: Sequence[Recording], *, ready: bool) -> tuple[str, ...]:
    """Rule 3, for whole windows where they are ready, else for samples."""
    if ready:
        count = sum(bool(np.isnan(recording.samples).all()) for recording in recordings)
        return (f"{count} windows hold no value at all and are left out.",) if count else ()
    count = sum(int(np.isnan(recording.samples).all(axis=1).sum()) for recording in recordings)
    return (f"{count} samples are missing in every channel; they stay gaps in their windows.",) if count else ()


def _channels(names: Sequence[str]) -> str:
    """Subject and verb of a sentence about channels."""
    listed = ", ".join(repr(name) for name in names[:NAMED]) + (" and others" if len(names) > NAMED else "")
    return f"Channel {listed} has" if len(names) == 1 else f"Channels {listed} have"
