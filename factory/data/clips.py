"""Short recordings that are one event each (a spoken word, a gesture, a machine starting): each becomes one window.

Rules
1. Recordings are clips where each carries one label throughout, there are at least `MIN_CLIPS` of the typical class,
   and nearly all (`COVERED`) last at most `CLIP_S` seconds, or have at most `SHORT` samples; `MOST` samples where the
   rate is unknown, and never more. Longer ones are streams, and cut into many windows.
2. The window covers nearly all of them (`COVERED`). Shorter clips are filled up at their end with missing values, of
   longer ones the beginning is kept, which is where most events are told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from factory.artifacts import Recording

CLIP_S = 5.0
SHORT = 256  # samples
MOST = 16_000  # samples
MIN_CLIPS = 10
COVERED = 0.95


@dataclass(frozen=True)
class Clips:
    """Recordings of one length, and how many had to be filled up or cut off."""

    recordings: tuple[Recording, ...]
    window: int  # samples
    filled: int
    cropped: int


def as_clips(recordings: Sequence[Recording], rate_hz: float | None) -> Clips | None:
    """Each recording as one window, or None where they are streams (rule 1)."""
    lengths = np.array([len(recording.labels) for recording in recordings])
    window = int(np.ceil(np.quantile(lengths, COVERED)))
    most = MOST if rate_hz is None else min(max(CLIP_S * rate_hz, SHORT), MOST)
    if window > most or any(np.any(recording.labels != recording.labels[0]) for recording in recordings):
        return None
    labels = np.array([recording.labels[0] for recording in recordings])
    counts = np.unique(labels[labels >= 0], return_counts=True)[1]
    if not counts.size or np.median(counts) < MIN_CLIPS:
        return None
    even = tuple(_of_length(recording, window) for recording in recordings)
    return Clips(even, window, int((lengths < window).sum()), int((lengths > window).sum()))


def _of_length(recording: Recording, window: int) -> Recording:
    """Rule 2."""
    missing = max(0, window - len(recording.labels))
    samples = np.pad(recording.samples[:window], ((0, missing), (0, 0)), constant_values=np.nan)
    return replace(recording, samples=samples, labels=np.full(window, recording.labels[0]))
