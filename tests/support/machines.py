"""Recordings made up for tests: machines that hum, and now and then limp."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from factory.artifacts import Float32

CHANNELS, RATE_HZ, WINDOW = ("vibration", "current"), 20.0, 20
TASK = f"""\
kind = "anomaly"
normal = ["idle", "load"]
window = {WINDOW}
hop = 10
"""


def write_machines(path: Path, machines: int = 8, seconds: float = 60.0, seed: int = 0, limping: bool = True) -> None:
    """A streams `.npz`: each machine idles, works, and at last limps, where it may."""
    rng = np.random.default_rng(seed)
    parts = [(machine, state) for machine in range(machines) for state in range(3 if limping else 2)]
    recordings = [hum(int(seconds * RATE_HZ), rng, limping=state == 2) * (1 + (state == 1)) for _, state in parts]
    np.savez(
        path,
        X=np.concatenate(recordings),
        rec_ptr=np.cumsum([0, *(len(recording) for recording in recordings)]),
        y=np.array([state for _, state in parts]),
        rec_groups=np.array([machine for machine, _ in parts]),
        classes=np.array(["idle", "load", "limp"][: 3 if limping else 2]),
        channels=np.array(CHANNELS),
        rate_hz=RATE_HZ,
    )


def hum(time: int, rng: np.random.Generator, *, limping: bool = False) -> Float32:
    """(time, 2): a vibration and a current that follows it; a limping machine's current does not."""
    phase = 2 * np.pi * 3 * np.arange(time) / RATE_HZ + rng.uniform(0, 6)
    vibration, current = np.sin(phase), np.sin(phase + (2.0 if limping else 0.3))
    if limping:
        vibration = vibration * (1 + 0.8 * np.sin(phase / 3))
    signals = np.stack([vibration, 5 + current + limping], 1)
    noisy: Float32 = (signals + rng.normal(0, 0.1, signals.shape)).astype(np.float32)
    return noisy


def windows(n: int, seed: int = 0, *, limping: bool = False) -> Float32:
    """(n, time, 2)."""
    rng = np.random.default_rng(seed)
    return np.stack([hum(WINDOW, rng, limping=limping) for _ in range(n)])


def some_missing(X: Float32, seed: int = 0) -> Float32:
    """The same windows with one value in fifty missing."""
    missing: npt.NDArray[np.bool_] = np.random.default_rng(seed).random(X.shape) < 0.02
    return np.where(missing, np.nan, X).astype(np.float32)
