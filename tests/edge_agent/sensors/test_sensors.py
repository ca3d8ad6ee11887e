"""What every sensor promises, and what is special about the replay."""

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agent import sensors
from edge_agent.errors import BadConfig
from edge_agent.sensors import Sensor
from edge_agent.windowing import Position, Reading
from tests.support.stream import CHANNELS, RATE_HZ, T0, stream

PLAYED = stream(2500, 7, 1300)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    PLAYED.save(tmp_path / "replay.npz")
    return tmp_path


def make(kind: str, folder: Path) -> Sensor:
    """A sensor of each kind, on the same recordings."""
    options: dict[str, dict[str, object]] = {"replay": {"file": "replay.npz", "speed": 0.0}}
    return sensors.create({"kind": kind, **options[kind]}, folder)


def read(sensor: Sensor, position: Position | None = None) -> list[Reading]:
    async def run() -> list[Reading]:
        return [one async for one in sensor.open(position)]

    return asyncio.run(run())


def joined(readings: list[Reading]) -> dict[str, Any]:
    """Recording -> samples, with the places checked."""
    found: dict[str, Any] = {}
    for one in readings:
        have = found.setdefault(one.recording, (one.index, []))
        assert one.index == have[0] + sum(map(len, have[1]))
        assert one.samples.dtype == np.float32
        have[1].append(one.samples)
    return {name: (first, np.concatenate(parts)) for name, (first, parts) in found.items()}


@pytest.mark.parametrize("kind", sensors.kinds())
def test_gives_every_sample_in_order(kind: str, folder: Path) -> None:
    sensor = make(kind, folder)
    assert (sensor.info.kind, sensor.info.channels, sensor.info.rate_hz) == (kind, CHANNELS, RATE_HZ)
    found = joined(read(sensor))
    assert list(found) == PLAYED.names
    for (first, samples), expected in zip(found.values(), PLAYED.samples, strict=True):
        assert first == 0
        np.testing.assert_array_equal(samples, expected)


@pytest.mark.parametrize("kind", sensors.kinds())
@pytest.mark.parametrize("index", [0, 1, 2499, 2500, 9999], ids=str)
def test_goes_on_at_a_position(kind: str, folder: Path, index: int) -> None:
    found = joined(read(make(kind, folder), Position(PLAYED.names[0], index)))
    if index < len(PLAYED.samples[0]):
        assert found.pop(PLAYED.names[0])[0] == index
    assert list(found) == PLAYED.names[1:]


def test_times_are_those_of_the_recording(folder: Path) -> None:
    assert {one.t0 for one in read(make("replay", folder)) if one.recording == PLAYED.names[0]} == {T0}


def test_a_position_that_the_file_does_not_know_begins_at_the_beginning(folder: Path) -> None:
    assert read(make("replay", folder), Position("other", 5))[0].index == 0


def test_the_speed_sets_the_pace(folder: Path) -> None:
    fast = sensors.create({"kind": "replay", "file": "replay.npz", "speed": 100.0}, folder)
    begun = time.monotonic()
    readings = read(fast)
    took = time.monotonic() - begun
    expected = sum(map(len, PLAYED.samples)) / RATE_HZ / 100
    assert 0.8 * expected < took < 5 * expected + 1
    assert len(readings) < 30


def test_whole_numbers_with_a_scale_and_missing_values(tmp_path: Path) -> None:
    values = np.array([[1, -32768], [-2, 300]], np.int16)
    save(tmp_path, X=values, scale=np.array([0.5, 0.01]), channels=["a", "b"])
    sensor = sensors.create({"kind": "replay", "file": "bad.npz", "speed": 0.0}, tmp_path)
    (one,) = read(sensor)
    np.testing.assert_array_equal(one.samples, np.array([[0.5, np.nan], [-1, 3]], np.float32))


def save(folder: Path, **changes: Any) -> None:
    arrays: dict[str, Any] = {
        "X": np.zeros((2, 2), np.float32),
        "rec_ptr": [0, 2],
        "rec_ids": ["r"],
        "rec_t0": [T0],
        "channels": ["a", "b"],
        "units": ["g", "g"],
        "rate_hz": 50.0,
        **changes,
    }
    kept: dict[str, Any] = {name: np.array(value) for name, value in arrays.items() if value is not None}
    np.savez(folder / "bad.npz", **kept)


BAD_FILES: dict[str, tuple[dict[str, Any], str]] = {
    "no samples": ({"X": None}, "lacks X"),
    "windows instead of a stream": ({"X": np.zeros((2, 3, 2))}, "3 dimensions"),
    "recordings that do not end with the samples": ({"rec_ptr": [0, 3]}, "rec_ptr must rise from 0 to the 2"),
    "recordings that go backwards": ({"rec_ptr": [0, 2, 1, 2]}, "rec_ptr must rise"),
    "fewer names than recordings": ({"rec_ids": []}, "0 in rec_ids"),
    "a name twice": ({"rec_ptr": [0, 1, 2], "rec_ids": ["r", "r"], "rec_t0": [1.0, 2.0]}, "different from each other"),
    "other channels than columns": ({"channels": ["a"]}, "1 channels for 2 columns"),
    "a rate of zero": ({"rate_hz": 0.0}, "rate_hz 0"),
    "pickled objects": ({"rec_ids": np.array([{}], object)}, "no readable .npz"),
}


@pytest.mark.parametrize(("changes", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_named_with_its_cure(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    save(tmp_path, **changes)
    with pytest.raises(BadConfig, match=message):
        sensors.create({"kind": "replay", "file": "bad.npz"}, tmp_path)


BAD_OPTIONS: dict[str, tuple[dict[str, object], str]] = {
    "no kind": ({}, "sensor.kind: is missing"),
    "an unknown kind": ({"kind": "replya"}, "Did you mean replay"),
    "a kind like no other": ({"kind": "zzz"}, "Known kinds: replay"),
    "an option with a slip": ({"kind": "replay", "fil": "x"}, "Did you mean file"),
    "no file": ({"kind": "replay"}, "sensor.file: is missing"),
    "a file that is not there": ({"kind": "replay", "file": "absent.npz"}, "absent.npz is no readable"),
    "a negative speed": ({"kind": "replay", "file": "replay.npz", "speed": -1.0}, "sensor.speed: -1.0 is below zero"),
}


@pytest.mark.parametrize(("table", "message"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_a_bad_option_is_named_with_its_cure(folder: Path, table: dict[str, object], message: str) -> None:
    with pytest.raises(BadConfig, match=message):
        sensors.create(table, folder)
