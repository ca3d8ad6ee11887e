"""A small set that a network learns in seconds: classes differ by frequency, groups by gain."""

import numpy as np

from factory.artifacts import TEST, TRAIN, VALIDATION, Dataset, Float32, Int64, Task

GROUPS = {"a": TRAIN, "b": TRAIN, "c": TRAIN, "d": VALIDATION, "e": TEST}


def waves(n: int, time: int = 64, channels: int = 3, classes: int = 3, seed: int = 0) -> tuple[Float32, Int64]:
    """Windows (n, time, channels) and classes (n), the classes in turn."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    cycles = (1 + 2 * y)[:, None, None] * np.arange(time)[None, :, None] / time
    phase = rng.uniform(0, 1, size=(n, 1, channels))
    X = np.sin(2 * np.pi * (cycles + phase)) + rng.normal(scale=0.2, size=(n, time, channels))
    return X.astype(np.float32), y.astype(np.int64)


def wave_dataset(n: int = 200, seed: int = 0) -> Dataset:
    """The same as a dataset of five groups, with a few missing values."""
    X, y = waves(n, seed=seed)
    rng = np.random.default_rng(seed)
    group = np.array(list(GROUPS))[np.arange(n) * len(GROUPS) // n]
    X = X * (1 + 0.1 * np.arange(n) // 40)[:, None, None].astype(np.float32) + 5
    X[rng.random(X.shape) < 0.01] = np.nan
    part = np.array([GROUPS[name] for name in group], dtype=np.int8)
    task = Task("waves", "classification", ("slow", "middle", "fast"), ("ax", "ay", "az"), ("g",) * 3, 32.0, 64, 32)
    return Dataset(task, X, y, part, group, np.char.add("r", group), np.arange(n) * 32, "0" * 64)
