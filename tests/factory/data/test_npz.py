"""Archives: both forms as they are read, and each way in which one can be wrong."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory import data
from factory.artifacts import TEST, TRAIN
from factory.errors import BadInput

Arrays = dict[str, Any]
Save = Callable[[Arrays], str]
Write = Callable[[str], Path]


def test_ready_windows_keep_their_length_and_follow_each_other(ready: Arrays, save: Save) -> None:
    loaded = data.load(save(ready))
    dataset = data.windows(loaded)
    assert (loaded.task.window, loaded.task.hop, loaded.task.rate_hz, loaded.task.name) == (10, 10, 50.0, "walk")
    assert loaded.task.units == ("g", "rad/s")
    np.testing.assert_array_equal(dataset.X, ready["X"])
    np.testing.assert_array_equal(dataset.y, ready["y"])


def test_int16_is_times_scale_and_its_lowest_value_is_missing(ready: Arrays, save: Save) -> None:
    ready["X"] = np.full((24, 10, 2), 3, dtype=np.int16)
    ready["X"][5, 2, 1] = -32768
    ready["scale"] = np.array([0.5, 2.0], dtype=np.float32)
    X = data.windows(data.load(save(ready))).X
    assert X[0, 0].tolist() == [1.5, 6.0]
    assert np.argwhere(np.isnan(X)).tolist() == [[5, 2, 1]]


def test_streams_become_recordings_with_their_own_groups_and_names(streams: Arrays, save: Save) -> None:
    streams["rec_ids"] = np.array([f"take {i}" for i in range(12)])
    loaded = data.load(save(streams))
    assert [recording.name for recording in loaded.recordings[:2]] == ["take 0", "take 1"]
    assert {len(recording.samples) for recording in loaded.recordings} == {60}
    assert [recording.group for recording in loaded.recordings[:3]] == ["p0", "p0", "p1"]


def test_one_label_a_recording_stands_for_all_its_samples(streams: Arrays, save: Save) -> None:
    streams["y"] = np.tile([0, 1], 6)
    labels = [set(recording.labels.tolist()) for recording in data.load(save(streams)).recordings]
    assert labels == [{0}, {1}] * 6


def test_labels_as_text_are_found_among_the_classes_or_make_them(streams: Arrays, save: Save) -> None:
    streams["y"] = np.array(["walk", "run"])[streams["y"]]
    assert data.load(save(streams)).recordings[0].labels[[0, -1]].tolist() == [0, 1]
    del streams["classes"]
    assert data.load(save(streams)).task.classes == ("run", "walk")


def test_numbers_name_the_classes_that_have_no_name(streams: Arrays, save: Save) -> None:
    del streams["classes"]
    streams["y"] = np.where(streams["y"] == 0, 2, 10)
    assert data.load(save(streams)).task.classes == ("2", "10")


def test_a_negative_label_is_no_label(streams: Arrays, save: Save) -> None:
    streams["y"][:30] = -7
    assert set(data.load(save(streams)).recordings[0].labels.tolist()) == {-1, 1}


def test_the_given_split_comes_along(ready: Arrays, save: Save) -> None:
    ready["split"] = (ready["groups"] >= 4).astype(np.int8)
    loaded = data.load(save(ready))
    assert loaded.task.split.by == "given"
    assert loaded.given == (TRAIN,) * 16 + (TEST,) * 8


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        pytest.param(np.array(["g", "rad/s"]), ("g", "rad/s"), id="one a channel"),
        pytest.param(np.array("g,rad/s"), ("g", "rad/s"), id="one text with commas"),
        pytest.param(np.array("z-scored"), ("z-scored", "z-scored"), id="one for all"),
        pytest.param(np.array("a, b, c"), ("a, b, c", "a, b, c"), id="a text with too many commas stands for all"),
    ],
)
def test_units(ready: Arrays, save: Save, units: Any, expected: tuple[str, ...]) -> None:
    assert data.load(save({**ready, "units": units})).task.units == expected


def test_unknown_arrays_are_left_alone_even_where_they_would_need_pickle(ready: Arrays, save: Save) -> None:
    ready["notes"] = np.array([{"a": 1}], dtype=object)
    assert len(data.load(save(ready)).recordings) == 24


def without(*names: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {name: values for name, values in arrays.items() if name not in names}


def instead(**changes: Any) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {**arrays, **changes}


def spoilt(name: str, place: Any, value: float) -> Callable[[Arrays], Arrays]:
    def spoil(arrays: Arrays) -> Arrays:
        values = arrays[name].copy()
        values[place] = value
        return {**arrays, name: values}

    return spoil


BAD_WINDOWS = [
    pytest.param(without("X"), r"walk.npz: X: there is no such array .*Add X", id="no X"),
    pytest.param(without("y"), r"walk.npz: y: there is no such array", id="no labels"),
    pytest.param(instead(X=np.zeros((24, 10), np.float32)), r"X: .*\(24, 10\).*rec_ptr", id="X in two dimensions"),
    pytest.param(instead(X=np.zeros(24, np.float32)), r"X: it has the shape \(24,\)", id="X in one dimension"),
    pytest.param(instead(X=np.zeros((0, 10, 2), np.float32)), r"X: .*\(0, 10, 2\)", id="no window at all"),
    pytest.param(instead(X=np.zeros((24, 10, 2), np.int32)), r"int32. Save it as float32", id="X of another kind"),
    pytest.param(instead(X=np.ones((24, 10, 2), np.int16)), r"scale: there is no such array", id="int16 without scale"),
    pytest.param(
        instead(X=np.ones((24, 10, 2), np.int16), scale=np.ones(3)),
        r"scale: .*one finite number a channel: 2",
        id="bad scale",
    ),
    pytest.param(
        instead(y=np.zeros(23, np.int64)), r"y: it has the shape \(23,\). Give one a window: 24", id="y too short"
    ),
    pytest.param(instead(y=np.zeros((24, 2), np.int64)), r"y: it holds int64 in the shape \(24, 2\)", id="y too wide"),
    pytest.param(instead(y=np.zeros(24)), r"y: it holds float64", id="y of fractions"),
    pytest.param(spoilt("y", 3, 2), r"y: 2 is not one of the 2 classes", id="a label beyond the classes"),
    pytest.param(instead(y=np.zeros(24, np.int64)), r"only class 'walk' occurs.*two classes", id="one class only"),
    pytest.param(instead(y=np.full(24, -1)), r"no window carries both values and a label", id="no label at all"),
    pytest.param(
        spoilt("X", (4, 3, 1), np.inf), r"window 4 holds an infinite number in channel 'ay'", id="an infinite value"
    ),
    pytest.param(instead(groups=np.zeros(5)), r"groups: it has the shape \(5,\)", id="groups too short"),
    pytest.param(
        instead(split=np.full(24, 2)), r"split: 2 is no part. Use 0 for train and 1 for test", id="an odd split"
    ),
    pytest.param(instead(split=np.zeros(24)), r"the test part would be empty", id="a split without a test"),
    pytest.param(
        instead(channels=np.array(["ax"])), r"channels: it names 1. Name each of the 2", id="a channel without name"
    ),
    pytest.param(
        instead(channels=np.array(["ax", "ax"])), r"channels: 'ax' occurs more than once", id="a channel twice"
    ),
    pytest.param(instead(classes=np.array(["walk", ""])), r"classes: '' has 0 characters", id="a class without name"),
    pytest.param(instead(units=np.array(["g"] * 3)), r"units: it names 3", id="too many units"),
    pytest.param(instead(rate_hz=np.array(-5.0)), r"rate_hz: -5 is not a rate", id="a negative rate"),
    pytest.param(instead(rate_hz=np.array(np.nan)), r"rate_hz: nan is not a rate", id="a rate that is no number"),
    pytest.param(instead(rate_hz=np.array("often")), r"rate_hz: often is not a number", id="a rate in words"),
    pytest.param(instead(rate_hz=np.array([5.0, 6.0])), r"rate_hz: .* is not a number", id="two rates"),
    pytest.param(
        instead(y=np.array([{"class": 0}] * 24, dtype=object)),
        r"y: it holds Python objects",
        id="labels that need pickle",
    ),
]

BAD_STREAMS = [
    pytest.param(without("rec_ptr"), r"X: it has the shape \(720, 2\) and there is no rec_ptr", id="no rec_ptr"),
    pytest.param(
        instead(rec_ptr=np.array([0, 60, 60, 720])), r"rec_ptr: it is not a rising row", id="rec_ptr that stays"
    ),
    pytest.param(
        instead(rec_ptr=np.array([0, 90, 60, 720])), r"rec_ptr: it is not a rising row", id="rec_ptr that falls"
    ),
    pytest.param(
        instead(rec_ptr=np.array([0, 90, 60, 720], np.uint64)),
        r"rec_ptr: it is not a rising",
        id="unsigned rec_ptr that falls",
    ),
    pytest.param(
        instead(rec_ptr=np.array([0.0, 720.0])), r"rec_ptr: it is not a rising row", id="rec_ptr of fractions"
    ),
    pytest.param(
        instead(rec_ptr=np.array([0, 60])), r"rec_ptr: it runs from 0 to 60. Let it run .* 720", id="rec_ptr too short"
    ),
    pytest.param(instead(rec_ptr=np.array([0])), r"rec_ptr: it runs from 0 to 0", id="rec_ptr of one"),
    pytest.param(instead(rec_ptr=np.array([], np.int64)), r"rec_ptr: it is empty", id="rec_ptr of none"),
    pytest.param(instead(y=np.zeros(700, np.int64)), r"y: .*\(700,\). Give one a sample", id="y of another length"),
    pytest.param(
        instead(rec_ids=np.array(["a", "b"])), r"rec_ids: it has 2 names. Give one a recording: 12", id="too few names"
    ),
    pytest.param(instead(rec_ids=np.array(["a"] * 12)), r"recordings: 'a' names more than one", id="a name twice"),
    pytest.param(
        instead(rec_ids=np.array([str(i) * 200 for i in range(12)])), r"recordings: .* characters", id="long names"
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD_WINDOWS)
def test_windows_are_refused_in_one_line(
    ready: Arrays, save: Save, change: Callable[[Arrays], Arrays], message: str
) -> None:
    refused(save(change(ready)), message)


@pytest.mark.parametrize(("change", "message"), BAD_STREAMS)
def test_streams_are_refused_in_one_line(
    streams: Arrays, save: Save, change: Callable[[Arrays], Arrays], message: str
) -> None:
    refused(save(change(streams)), message)


def test_a_file_that_is_cut_off_is_refused(ready: Arrays, save: Save) -> None:
    path = Path(save(ready))
    path.write_bytes(path.read_bytes()[:-200])
    refused(str(path), r"walk.npz: it cannot be read as an .npz archive .*savez_compressed")


def test_a_file_with_a_changed_byte_is_refused(ready: Arrays, save: Save) -> None:
    path = Path(save(ready))
    damaged = bytearray(path.read_bytes())
    damaged[400] ^= 0xFF  # within X, which comes first
    path.write_bytes(damaged)
    refused(str(path), r"walk.npz: it cannot be read")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"time,label\n1,2\n", id="another format"),
        pytest.param(b"PK\x03\x04 and then nothing", id="the beginning of a zip"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "walk.npz"
    path.write_bytes(content)
    refused(str(path), r"walk.npz: it cannot be read as an .npz archive")


def test_a_bomb_is_refused_before_memory_is_set_aside(tmp_path: Path) -> None:
    """A few bytes that declare 8 TB."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**10, 10, 10)})
    path = tmp_path / "walk.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", header.getvalue())
    refused(str(path), r"walk.npz: its arrays declare 8000000000000 bytes, over the limit of 2147483648")


def test_a_header_with_a_negative_length_cannot_hide_a_large_one(tmp_path: Path) -> None:
    path = tmp_path / "walk.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, shape in (("X", (10**10, 10, 10)), ("y", (-(10**12),))):
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
            archive.writestr(f"{name}.npy", header.getvalue())
    refused(str(path), r"over the limit")


def test_columns_are_not_for_archives(ready: Arrays, save: Save, task: Write) -> None:
    with pytest.raises(BadInput, match=r"task.columns: walk.npz has no columns to name"):
        data.load(save(ready), task('[columns]\nlabel = "y"\n'))


def refused(path: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        data.windows(data.load(path))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
