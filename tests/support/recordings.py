"""Recordings made up for tests: people who rest, walk and shake, each a little in their own way."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

CLASSES, CHANNELS, RATE_HZ = ("rest", "walk", "shake"), ("ax", "ay", "az"), 20.0
_HERTZ = {"rest": 0.0, "walk": 1.8, "shake": 5.0}


def write_recordings(path: Path, people: int = 8, seconds: float = 40.0, seed: int = 0) -> None:
    """A streams `.npz`: for each person one recording of each class."""
    rng = np.random.default_rng(seed)
    recordings, labels, groups, names = [], [], [], []
    for person in range(people):
        pace, tilt = rng.uniform(0.85, 1.15), rng.normal(0, 0.2, 3)
        for y, name in enumerate(CLASSES):
            recordings.append(_recording(rng, seconds, _HERTZ[name] * pace, tilt))
            labels.append(y)
            groups.append(person)
            names.append(f"p{person}-{name}")
    np.savez(
        path,
        X=np.concatenate(recordings).astype(np.float32),
        rec_ptr=np.cumsum([0, *(len(recording) for recording in recordings)]),
        y=np.array(labels),
        rec_groups=np.array(groups),
        rec_ids=np.array(names),
        classes=np.array(CLASSES),
        channels=np.array(CHANNELS),
        units=np.array(["g", "g", "g"]),
        rate_hz=RATE_HZ,
    )


def _recording(rng: np.random.Generator, seconds: float, hertz: float, tilt: Float64) -> Float64:
    """(time, 3): gravity, a movement of that frequency, noise."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    swing = np.sin(2 * np.pi * hertz * t + rng.uniform(0, 6))[:, None] * rng.uniform(0.1, 0.5, 3)
    return np.array([0.0, 0.0, 1.0]) + tilt + swing + rng.normal(0, 0.3, (len(t), 3))
