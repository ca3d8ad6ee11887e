"""Recordings in, labelled windows out: sources, task files, windows, and splits without leakage.

`load` reads a file or a set that a pip package ships. `windows` is what training and examination see, `folds` divides
them for cross-validation, `recordings` is what a device would see, `write_replay` puts recordings where an agent's
replay sensor finds them, and `label_intervals` is their ground truth.
"""

from factory.data.folding import folds
from factory.data.limits import Limits
from factory.data.loading import load
from factory.data.replay import Interval, label_intervals, start_times, write_replay
from factory.data.source import Loaded
from factory.data.sources.package import PACKAGES
from factory.data.windowing import recordings, windows

__all__ = [
    "PACKAGES",
    "Interval",
    "Limits",
    "Loaded",
    "folds",
    "label_intervals",
    "load",
    "recordings",
    "start_times",
    "windows",
    "write_replay",
]
