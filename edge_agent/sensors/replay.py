"""Recordings from a file, played as if a sensor gave them now: with the times they were recorded at, at any speed.

The file is `.npz` without pickle: X [samples, channels] float, or int16 with scale [channels] and -32768 where missing;
rec_ptr [R+1], rec_ids [R], rec_t0 [R] (Unix seconds of the first sample of each recording), channels, rate_hz.
"""

import asyncio
import time
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_agent.config import fill
from edge_agent.errors import BadConfig
from edge_agent.windowing import Float32, Position, Reading
from protocol.messages import MAX_IDENTIFIER, SensorInfo

TICK_S = 0.1  # between readings, in real time
FAST_SAMPLES = 1024  # in a reading where there is no clock to keep
MISSING = -32768
MAX_NAME = MAX_IDENTIFIER - 20  # an inference id is a recording and the number of a sample
_STREAM_DIMENSIONS = 2
FIELDS = ("X", "rec_ptr", "rec_ids", "rec_t0", "channels", "rate_hz")


@dataclass(frozen=True)
class _Options:
    file: str
    speed: float = 1.0


class Replay:
    """Plays every recording once, in the file's order, then ends."""

    def __init__(self, path: Path, speed: float) -> None:
        self._speed = speed
        arrays = _load(path)
        _check(arrays, str(path))
        self._X = arrays["X"]
        self._scale = arrays["scale"].astype(np.float32) if "scale" in arrays else None
        self._ptr = [int(at) for at in arrays["rec_ptr"]]
        self._names = [str(name) for name in arrays["rec_ids"]]
        self._t0 = [float(t0) for t0 in arrays["rec_t0"]]
        channels, rate_hz = tuple(map(str, arrays["channels"])), float(arrays["rate_hz"])
        self._info = SensorInfo(kind="replay", channels=channels, rate_hz=rate_hz)

    @classmethod
    def create(cls, options: Mapping[str, object], folder: Path) -> "Replay":
        """The replay of a `[sensor]` table.

        Raises:
            BadConfig: naming the option or the file and what to do about it.
        """
        chosen = fill(_Options, options, "sensor")
        if chosen.speed < 0:
            raise BadConfig(
                "sensor.speed", f"{chosen.speed} is below zero", "Use 1 for real time, 0 for as fast as it goes"
            )
        return cls(folder / chosen.file, chosen.speed)

    @property
    def info(self) -> SensorInfo:
        """What the file holds."""
        return self._info

    async def open(self, position: Position | None) -> AsyncIterator[Reading]:
        """The samples from `position` on, paced by the recordings' own rate times the speed."""
        begun, played = time.monotonic(), 0
        first, start = self._place(position)
        for number in range(first, len(self._names)):
            length = self._ptr[number + 1] - self._ptr[number]
            while start < length:
                count = min(await self._due(begun, played), length - start)
                yield self._reading(number, start, count)
                start, played = start + count, played + count
            start = 0

    def _place(self, position: Position | None) -> tuple[int, int]:
        """The number of the recording and the sample in it; the beginning where the file does not know the position."""
        if position is None or position.recording not in self._names:
            return 0, 0
        return self._names.index(position.recording), position.index

    async def _due(self, begun: float, played: int) -> int:
        """How many samples to give now, at least one; waits for them."""
        if self._speed == 0:
            await asyncio.sleep(0)
            return FAST_SAMPLES
        per_s = self._info.rate_hz * self._speed
        await asyncio.sleep(max(0.0, begun + max(played / per_s + TICK_S, (played + 1) / per_s) - time.monotonic()))
        return max(1, int((time.monotonic() - begun) * per_s) - played)

    def _reading(self, number: int, start: int, count: int) -> Reading:
        at = self._ptr[number] + start
        return Reading(self._names[number], self._t0[number], start, self._samples(at, at + count))

    def _samples(self, first: int, end: int) -> Float32:
        raw = self._X[first:end]
        if self._scale is None:
            return raw.astype(np.float32, copy=False)
        return np.where(raw == MISSING, np.float32(np.nan), raw.astype(np.float32) * self._scale)


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        cure = "Make one with `factory`, or see docs/operating.md for what it must hold"
        raise BadConfig("sensor.file", f"{path} is no readable .npz file: {error}", cure) from error
    missing = [name for name in FIELDS if name not in arrays]
    if missing:
        raise BadConfig("sensor.file", f"{path} lacks {', '.join(missing)}", f"It must hold {', '.join(FIELDS)}")
    return arrays


def _check(arrays: Mapping[str, npt.NDArray[Any]], where: str) -> None:
    """Raises BadConfig where the arrays do not fit each other."""
    X, ptr, names = arrays["X"], arrays["rec_ptr"].tolist(), [str(name) for name in arrays["rec_ids"]]
    problem = None
    if X.ndim != _STREAM_DIMENSIONS:
        problem = f"X has {X.ndim} dimensions, not [samples, channels]"
    elif not ptr or ptr != sorted(ptr) or ptr[0] != 0 or ptr[-1] != len(X):
        problem = f"rec_ptr must rise from 0 to the {len(X)} samples of X"
    elif not len(ptr) - 1 == len(names) == len(arrays["rec_t0"]):
        problem = f"{len(ptr) - 1} recordings in rec_ptr, {len(names)} in rec_ids, {len(arrays['rec_t0'])} in rec_t0"
    elif len(set(names)) != len(names) or not all(0 < len(name) <= MAX_NAME for name in names):
        problem = f"rec_ids must be different from each other and 1 to {MAX_NAME} characters long"
    elif len(arrays["channels"]) != X.shape[1]:
        problem = f"{len(arrays['channels'])} channels for {X.shape[1]} columns of X"
    elif not arrays["rate_hz"] > 0:
        problem = f"rate_hz {arrays['rate_hz']:g} is not above zero"
    if problem:
        raise BadConfig("sensor.file", f"{where}: {problem}", "Write the file again")


SENSOR = Replay
