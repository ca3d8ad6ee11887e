"""Small data made on the spot, and a way to write it down."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Arrays = dict[str, npt.NDArray[Any]]
Save = Callable[[Arrays], str]
Write = Callable[[str], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes arrays to walk.npz and gives its path."""

    def write(arrays: Arrays) -> str:
        path = tmp_path / "walk.npz"
        np.savez(path, allow_pickle=True, **arrays)
        return str(path)

    return write


@pytest.fixture
def task(tmp_path: Path) -> Write:
    """Writes a task file and gives its path."""

    def write(text: str) -> Path:
        path = tmp_path / "TASK.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def ready() -> Arrays:
    """24 windows of 10 samples and 2 channels: 6 people, 2 classes."""
    rng = np.random.default_rng(0)
    return {
        "X": rng.normal(size=(24, 10, 2)).astype(np.float32),
        "y": np.tile([0, 1], 12),
        "groups": np.repeat(np.arange(6), 4),
        "classes": np.array(["walk", "run"]),
        "channels": np.array(["ax", "ay"]),
        "rate_hz": np.array(50.0),
        "units": np.array("g, rad/s"),
    }


@pytest.fixture
def streams() -> Arrays:
    """12 recordings of 60 samples and 2 channels, the first half of each class 0, the rest class 1: 6 people."""
    rng = np.random.default_rng(1)
    return {
        "X": rng.normal(size=(720, 2)).astype(np.float32),
        "y": np.tile(np.repeat([0, 1], 30), 12),
        "rec_ptr": np.arange(0, 721, 60),
        "rec_groups": np.array([f"p{person}" for person in range(6) for _ in range(2)]),
        "classes": np.array(["walk", "run"]),
        "channels": np.array(["ax", "ay"]),
        "rate_hz": np.array(50.0),
    }
