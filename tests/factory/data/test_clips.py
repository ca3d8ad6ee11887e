"""Short recordings of one event each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory import data

Arrays = dict[str, Any]
Save = Callable[[Arrays], str]
Write = Callable[[str], Path]


@pytest.fixture
def clips() -> Arrays:
    """60 recordings of 20 to 79 samples, one label each, 3 classes."""
    lengths = np.arange(20, 80)
    return {
        "X": np.random.default_rng(2).normal(size=(lengths.sum(), 1)).astype(np.float32),
        "y": np.tile([0, 1, 2], 20),
        "rec_ptr": np.cumsum([0, *lengths]),
        "classes": np.array(["on", "off", "idle"]),
        "channels": np.array(["current"]),
        "rate_hz": np.array(50.0),
    }


def test_each_clip_is_one_window_filled_up_or_cut_off_at_its_end(clips: Arrays, save: Save) -> None:
    loaded = data.load(save(clips))
    assert (loaded.task.window, loaded.task.hop) == (77, 77)  # 95 % are not longer
    assert "57 shorter ones are filled up at the end, 2 longer ones cut off" in loaded.notes[0]
    shortest, longest = loaded.recordings[0].samples[:, 0], loaded.recordings[-1].samples[:, 0]
    np.testing.assert_array_equal(shortest[:20], clips["X"][:20, 0])
    assert np.isnan(shortest[20:]).all()
    np.testing.assert_array_equal(longest, clips["X"][-79:-2, 0])
    dataset = data.windows(loaded)
    assert len(dataset.y) == 60
    assert np.bincount(dataset.part).tolist() == [30, 12, 18]


def test_a_clip_without_a_label_is_for_a_teacher(clips: Arrays, save: Save) -> None:
    clips["y"][:9] = -1
    dataset = data.windows(data.load(save(clips)))
    assert (len(dataset.y), len(dataset.unlabelled)) == (51, 9)


def longer(arrays: Arrays) -> None:
    arrays["rate_hz"] = np.array(10.0)
    arrays["X"] = np.repeat(arrays["X"], 4, axis=0)
    arrays["rec_ptr"] = arrays["rec_ptr"] * 4


def fewer(arrays: Arrays) -> None:
    arrays["y"] = np.arange(60) % 10
    arrays["classes"] = np.array(list("abcdefghij"))


def mixed(arrays: Arrays) -> None:
    arrays["y"] = np.repeat(arrays["y"], np.diff(arrays["rec_ptr"]))
    arrays["y"][3] = 2


@pytest.mark.parametrize("change", [longer, fewer, mixed])
def test_recordings_that_are_long_or_few_or_of_several_labels_are_streams(
    clips: Arrays, save: Save, change: Callable[[Arrays], None]
) -> None:
    change(clips)
    loaded = data.load(save(clips))
    assert loaded.task.hop == loaded.task.window // 2
    assert {len(one.samples) for one in loaded.recordings} != {loaded.task.window}


def test_a_window_in_the_task_file_makes_them_streams(clips: Arrays, save: Save, task: Write) -> None:
    loaded = data.load(save(clips), task("window = 10\n"))
    assert (loaded.task.window, loaded.task.hop, loaded.notes) == (10, 5, ())


def test_clips_of_any_length_are_clips_where_the_rate_is_unknown(clips: Arrays, save: Save) -> None:
    longer(clips)
    del clips["rate_hz"]
    assert data.load(save(clips)).task.window == 305
