"""Windows, parts, and back to what a device sees: it must end up with exactly the windows that were examined."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory import data
from factory.artifacts import PARTS, TEST, TRAIN, VALIDATION, Float32, Recording
from factory.data.limits import Limits
from factory.errors import BadInput
from protocol.windows import window_interval, window_starts

Arrays = dict[str, Any]
Save = Callable[[Arrays], str]
Write = Callable[[str], Path]

T0 = 1_700_000_000.0
SPLITS = {
    "by group": 'window = 7\nhop = 3\n[split]\nby = "group"\n',
    "by time": 'window = 7\nhop = 3\n[split]\nby = "time"\n',
    "as given, validation by group": 'window = 7\nhop = 3\n[split]\nby = "given"\n',
}


def test_a_window_has_a_label_where_all_its_samples_have_it(streams: Arrays, save: Save, task: Write) -> None:
    streams["y"][5] = -1
    dataset = data.windows(data.load(save(streams), task("window = 10\nhop = 5\n")))
    mine = dataset.recording == "r00000"
    assert dataset.start[mine].tolist() == [10, 15, 20, 30, 35, 40, 45, 50]
    assert dataset.y[mine].tolist() == [0, 0, 0, 1, 1, 1, 1, 1]
    np.testing.assert_array_equal(dataset.X[mine][0], streams["X"][10:20])


def test_every_window_of_one_class_is_kept(streams: Arrays, save: Save, task: Write) -> None:
    streams["y"] = np.tile([0, 1], 6)
    dataset = data.windows(data.load(save(streams), task("window = 7\nhop = 3\n")))
    for name in set(dataset.recording.tolist()):
        assert dataset.start[dataset.recording == name].tolist() == list(window_starts(60, 7, 3))


def test_a_recording_shorter_than_a_window_has_none(streams: Arrays, save: Save, task: Write) -> None:
    streams["rec_ptr"] = np.array([0, 5, *range(60, 721, 60)])
    streams["rec_groups"] = np.array(["p0", *streams["rec_groups"]])
    dataset = data.windows(data.load(save(streams), task("window = 10\n")))
    assert "r00000" not in dataset.recording


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_device_sees_exactly_the_labelled_windows_of_a_part(
    streams: Arrays, save: Save, task: Write, split: str, part: int
) -> None:
    rng = np.random.default_rng(5)
    streams["y"] = np.repeat(rng.integers(-1, 2, 60), 12)
    streams["rec_split"] = np.arange(12) >= 9
    streams["rate_hz"] = np.array(51.2)
    loaded = data.load(save(streams), task(split))
    examined = data.windows(loaded).only(part)
    seen = sorted(on_device(data.recordings(loaded, part), loaded), key=lambda window: window[0].tobytes())
    expected = sorted(zip(examined.X, examined.y, strict=True), key=lambda window: window[0].tobytes())
    assert len(seen) == len(expected) > 0
    np.testing.assert_array_equal([X for X, _ in seen], [X for X, _ in expected])
    assert [label for _, label in seen] == [loaded.task.classes[y] for _, y in expected]


def on_device(recordings: list[Recording], loaded: data.Loaded) -> Iterator[tuple[Float32, str]]:
    """The windows a device would cut that an interval of ground truth covers wholly, by the protocol's rules alone."""
    task = loaded.task
    starts = data.start_times(recordings, task.rate_hz, T0)
    truth = [seen for one, t in zip(recordings, starts, strict=True) for seen in data.label_intervals(one, t, task)]
    for recording, t in zip(recordings, starts, strict=True):
        for first in window_starts(len(recording.samples), task.window, task.hop):
            t0, t1 = window_interval(t + first / task.rate_hz, task.window, task.rate_hz)
            labels = [seen.y for seen in truth if seen.t0 <= t0 and t1 <= seen.t1]
            assert len(labels) <= 1
            if labels:
                yield recording.samples[first : first + task.window], labels[0]


def test_no_group_is_in_two_parts(streams: Arrays, save: Save, task: Write) -> None:
    dataset = data.windows(data.load(save(streams), task(SPLITS["by group"])))
    parts = {group: set(dataset.part[dataset.group == group].tolist()) for group in dataset.group.tolist()}
    assert {len(found) for found in parts.values()} == {1}
    assert set.union(*parts.values()) == {TRAIN, VALIDATION, TEST}


def test_a_given_test_stays_as_given_and_validation_comes_from_the_rest(
    streams: Arrays, save: Save, task: Write
) -> None:
    streams["rec_split"] = np.arange(12) >= 9
    dataset = data.windows(data.load(save(streams), task(SPLITS["as given, validation by group"])))
    assert set(dataset.recording[dataset.part == TEST].tolist()) == {"r00009", "r00010", "r00011"}
    assert not set(dataset.group[dataset.part == VALIDATION]) & set(dataset.group[dataset.part == TRAIN])


def test_windows_split_by_time_do_not_touch_those_of_another_part(streams: Arrays, save: Save, task: Write) -> None:
    dataset = data.windows(data.load(save(streams), task(SPLITS["by time"])))
    recording = np.array([int(name[1:]) for name in dataset.recording])
    place = recording * 60 + dataset.start
    for one in range(len(place)):
        others = place[dataset.part != dataset.part[one]]
        assert np.abs(others - place[one]).min() >= 2 * 7


def test_the_digest_stands_for_the_windows_and_their_parts(streams: Arrays, save: Save, task: Write) -> None:
    digests = [
        data.windows(data.load(save(streams), task(text))).digest for text in ("window = 7", "window = 7", "window = 8")
    ]
    assert digests[0] == digests[1] != digests[2]
    digests.append(data.windows(data.load(save(streams), task("window = 7\n[split]\nseed = 4\n"))).digest)
    streams["X"][700, 1] += 1e-3
    digests.append(data.windows(data.load(save(streams), task("window = 7"))).digest)
    assert len(set(digests)) == 4


def test_a_hop_that_makes_more_windows_than_memory_is_refused(
    streams: Arrays, save: Save, task: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = data.load(save(streams), task("window = 20\nhop = 1\n"))
    monkeypatch.setattr("factory.data.windowing.LIMITS", Limits(max_array_bytes=40_000))
    with pytest.raises(BadInput, match=r"task.hop: a window every 1 samples makes \d+ bytes, over the limit of 40000"):
        data.windows(loaded)


def test_too_few_windows_for_three_parts_are_refused(ready: Arrays, save: Save) -> None:
    few = {**{name: ready[name][:3] for name in ("X", "y")}, "classes": ready["classes"], "rate_hz": ready["rate_hz"]}
    with pytest.raises(BadInput, match=r"task.split: the (validation|test|train) part would be empty"):
        data.windows(data.load(save(few)))


def test_a_loaded_value_cannot_be_changed(streams: Arrays, save: Save) -> None:
    loaded = data.load(save(streams))
    with pytest.raises(AttributeError):
        loaded.task = replace(loaded.task, name="x")  # type: ignore[misc]


def test_a_listed_class_whose_events_are_shorter_than_the_window_is_refused(
    streams: Arrays, save: Save, task: Write
) -> None:
    streams["classes"] = np.array(["walk", "run", "jump"])
    streams["y"][np.arange(720) % 60 < 5] = 2
    with pytest.raises(
        BadInput, match=r"no window of 7 samples lies wholly in class 'jump'. Shorten the window, or list"
    ):
        data.windows(data.load(save(streams), task("window = 7\nclasses = ['walk', 'run', 'jump']")))


def test_without_groups_validation_is_spread_over_the_given_training_part(ready: Arrays, save: Save) -> None:
    del ready["groups"]
    ready["split"] = np.arange(24) >= 16
    dataset = data.windows(data.load(save(ready)))
    place = np.array([int(name[1:]) for name in dataset.recording])
    assert place[dataset.part == TEST].tolist() == list(range(16, 24))
    assert sorted(dataset.y[dataset.part == VALIDATION].tolist()) == [0, 0, 1, 1]
    assert len(dataset.y) == 24


def test_ready_windows_that_share_samples_are_kept_apart(ready: Arrays, save: Save) -> None:
    """Cut from one stream, every 4 samples: validation lies at the end, and neighbours of it are in no part."""
    stream = np.random.default_rng(0).normal(size=(410, 2)).astype(np.float32)
    ready["X"] = np.stack([stream[at : at + 10] for at in range(0, 400, 4)])
    ready["y"] = np.tile([0, 1], 50)
    del ready["groups"]
    ready["split"] = np.arange(100) >= 70
    dataset = data.windows(data.load(save(ready)))
    place = 4 * np.array([int(name[1:]) for name in dataset.recording])
    validation, train = place[dataset.part == VALIDATION], place[dataset.part == TRAIN]
    assert validation.min() - train.max() >= 20


def test_groups_that_the_given_test_knows_need_not_be_kept_apart(ready: Arrays, save: Save) -> None:
    ready["split"] = np.tile([0, 0, 0, 1], 6)
    dataset = data.windows(data.load(save(ready)))
    assert set(dataset.group[dataset.part == VALIDATION].tolist()) < set(dataset.group[dataset.part == TRAIN].tolist())


def test_windows_without_a_label_come_along_but_never_from_the_test(streams: Arrays, save: Save, task: Write) -> None:
    streams["y"][::60] = -1  # the first sample of each recording
    loaded = data.load(save(streams), task("window = 10\nhop = 10\n"))
    dataset = data.windows(loaded)
    tested = set(dataset.group[dataset.part == TEST].tolist())
    expected = [one.samples[:10] for one in loaded.recordings if one.group not in tested]
    np.testing.assert_array_equal(dataset.unlabelled, expected)
    assert not len(dataset.only(TRAIN, VALIDATION).unlabelled)


def test_windows_without_a_label_near_a_test_in_time_stay_out(streams: Arrays, save: Save, task: Write) -> None:
    streams["rec_ptr"] = np.array([0, 720])
    del streams["rec_groups"]
    streams["y"][::100] = -1
    dataset = data.windows(data.load(save(streams), task("window = 10\nhop = 10\n[split]\nby = 'time'")))
    assert dataset.unlabelled.shape == (0, 10, 2)  # the one recording has a test part
    streams["rec_ptr"] = np.array([0, *range(60, 721, 60)])
    dataset = data.windows(data.load(save(streams), task("window = 10\nhop = 10\n[split]\nby = 'time'")))
    assert 0 < len(dataset.unlabelled) < 8


def test_windows_without_a_label_are_thinned_and_the_digest_knows_them(
    streams: Arrays, save: Save, task: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams["y"][::60] = -1
    loaded = data.load(save(streams), task("window = 10\nhop = 10\n"))
    whole = data.windows(loaded)
    monkeypatch.setattr("factory.data.windowing.LIMITS", Limits(max_unlabelled=3))
    thinned = data.windows(loaded)
    np.testing.assert_array_equal(thinned.unlabelled[[0, -1]], whole.unlabelled[[0, -1]])
    assert len(thinned.unlabelled) == 3
    assert thinned.digest != whole.digest
    room = whole.X.nbytes + 2 * whole.X[0].nbytes
    monkeypatch.setattr("factory.data.windowing.LIMITS", Limits(max_array_bytes=room))
    assert len(data.windows(loaded).unlabelled) == 2


def test_a_pause_stays_a_gap_and_a_window_without_any_value_is_none(streams: Arrays, save: Save, task: Write) -> None:
    streams["X"][7:25] = np.nan
    loaded = data.load(save(streams), task("window = 10\nhop = 10\n"))
    assert "18 samples are missing in every channel; they stay gaps in their windows." in loaded.notes
    dataset = data.windows(loaded)
    assert dataset.start[dataset.recording == "r00000"].tolist() == [0, 20, 30, 40, 50]
    assert np.isnan(dataset.X).sum() == 2 * (3 + 5)
    assert np.isfinite(dataset.unlabelled).all()
