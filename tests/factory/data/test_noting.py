"""What is said about channels that carry nothing, or too little."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from factory import data

Arrays = dict[str, Any]
Save = Callable[[Arrays], str]

WAVE = np.sin(np.arange(240)).reshape(24, 10)


@pytest.mark.parametrize(
    ("ay", "notes"),
    [
        pytest.param(WAVE, (), id="a good channel"),
        pytest.param(WAVE * 0 + 3, ("Channel 'ay' has one and the same value throughout.",), id="a constant one"),
        pytest.param(WAVE * np.nan, ("Channel 'ay' has no value at all.",), id="one that is always missing"),
        pytest.param(1e6 + WAVE, (), id="a large offset that leaves enough steps"),
        pytest.param(1e-9 * WAVE, (), id="a small signal"),
        pytest.param(1e30 * WAVE, (), id="a huge signal"),
    ],
)
def test_a_channel_that_carries_nothing_is_named(
    ready: Arrays, save: Save, ay: np.ndarray[Any, Any], notes: tuple[str, ...]
) -> None:
    ready["X"][:, :, 1] = ay
    loaded = data.load(save(ready))
    assert loaded.notes == notes
    assert len(data.windows(loaded).y) == 24


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_signal_that_32_bits_cannot_hold_is_named(ready: Arrays, save: Save, kind: type) -> None:
    ready["X"] = ready["X"].astype(kind)
    ready["X"][:, :, 0] = 1e6 + (1e-3 if kind is np.float64 else 0.1) * WAVE
    assert "Channel 'ax' has a signal far smaller than the offset" in data.load(save(ready)).notes[0]


def test_a_window_without_any_value_is_left_out_and_counted(ready: Arrays, save: Save) -> None:
    ready["X"][7] = np.nan
    loaded = data.load(save(ready))
    assert loaded.notes == ("1 windows hold no value at all and are left out.",)
    assert "w000007" not in data.windows(loaded).recording


def test_many_useless_channels_are_not_all_listed(ready: Arrays, save: Save) -> None:
    ready["X"] = np.zeros((24, 10, 60), np.float32) + np.arange(24)[:, None, None] * (np.arange(60) == 3)
    del ready["channels"], ready["units"]
    notes = data.load(save(ready)).notes
    assert notes[0].startswith(
        "Channels 'channel0', 'channel1', 'channel2', 'channel4', 'channel5' and others have one"
    )
