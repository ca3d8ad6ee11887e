"""Held-out recordings as a device sees them, and the ground truth about them.

Rules
1. Recordings follow each other with a pause of `GAP_S`, so that no window and no label reaches from one into the next.
2. A replay file holds no labels: X [samples, channels], rec_ptr [R + 1], rec_ids [R], rec_t0 [R] (Unix seconds of first
   samples), channels, units, rate_hz.
3. An interval of ground truth is a run of samples with one label, from its first sample to one period after its last,
   made longer by a quarter of a period at both ends: rounding of times can then not push a window out of it, nor a
   further sample in.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.artifacts import Recording, Task

GAP_S = 5.0
MARGIN_PERIODS = 0.25


@dataclass(frozen=True)
class Interval:
    """From `t0` to `t1` (Unix seconds) the truth was class `y`."""

    t0: float
    t1: float
    y: str


def start_times(recordings: Sequence[Recording], rate_hz: float, t0: float) -> list[float]:
    """Unix seconds of each recording's first sample, the first one's being `t0` (rule 1)."""
    times, now = [], t0
    for recording in recordings:
        times.append(now)
        now += len(recording.samples) / rate_hz + GAP_S
    return times


def write_replay(recordings: Sequence[Recording], task: Task, path: Path, t0: float) -> None:
    """The file that an agent's replay sensor plays (rule 2); the file is there whole or not at all."""
    lengths = [len(recording.samples) for recording in recordings]
    arrays: dict[str, npt.NDArray[Any]] = {
        "X": np.concatenate([recording.samples for recording in recordings]),  # (samples, channels)
        "rec_ptr": np.cumsum([0, *lengths], dtype=np.int64),
        "rec_ids": np.array([recording.name for recording in recordings]),
        "rec_t0": np.array(start_times(recordings, task.rate_hz, t0), dtype=np.float64),
        "channels": np.array(task.channels),
        "units": np.array(task.units),
        "rate_hz": np.array(task.rate_hz),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def label_intervals(recording: Recording, t_first: float, task: Task) -> list[Interval]:
    """The ground truth of a recording whose first sample was taken at `t_first` (rule 3), without the unlabelled."""
    labels = recording.labels
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    margin = MARGIN_PERIODS / task.rate_hz
    return [
        Interval(t_first + a / task.rate_hz - margin, t_first + b / task.rate_hz + margin, task.classes[labels[a]])
        for a, b in pairwise(edges)
        if labels[a] >= 0
    ]
