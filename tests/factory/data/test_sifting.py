"""Classes that cannot be learned, and what is said about them."""

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


@pytest.fixture
def jumping(streams: Arrays) -> Arrays:
    """The streams with a third class that does not occur yet."""
    streams["classes"] = np.array(["walk", "jump", "run"])
    streams["y"] = np.where(streams["y"] == 1, 2, 0)
    return streams


def test_a_class_that_never_occurs_is_set_aside(jumping: Arrays, save: Save) -> None:
    loaded = data.load(save(jumping))
    assert loaded.task.classes == ("walk", "run")
    assert set(loaded.recordings[0].labels.tolist()) == {0, 1}
    assert loaded.notes[0].startswith("Class 'jump' is set aside, and counts as unlabelled: no window of 20 samples")


def test_a_class_whose_events_are_shorter_than_the_window_is_set_aside(
    jumping: Arrays, save: Save, task: Write
) -> None:
    jumping["y"][np.arange(720) % 60 < 5] = 1
    loaded = data.load(save(jumping), task("window = 7\nhop = 3\n"))
    assert loaded.task.classes == ("walk", "run")
    assert len(data.windows(loaded).unlabelled) > 0


def test_a_class_that_only_the_given_test_holds_is_set_aside(jumping: Arrays, save: Save, task: Write) -> None:
    jumping["rec_split"] = np.arange(12) == 0
    jumping["y"][:40] = 1
    loaded = data.load(save(jumping), task("window = 7"))
    assert loaded.task.classes == ("walk", "run")
    assert "none of its 12 windows can be trained on" in loaded.notes[0]
    with pytest.raises(BadInput, match=r"task.split: class 'jump' would have no window to train on"):
        data.windows(data.load(save(jumping), task("window = 7\nclasses = ['walk', 'run', 'jump']")))


def test_a_class_of_one_group_is_learned_and_said_to_be_unexamined(jumping: Arrays, save: Save, task: Write) -> None:
    jumping["y"][:40] = 1
    loaded = data.load(save(jumping), task("window = 7"))
    dataset = data.windows(loaded)
    assert set(dataset.part[dataset.y == 1].tolist()) == {TRAIN}
    assert [note.partition(":")[0] for note in loaded.notes] == [
        "Class 'jump' has no window to validate on",
        "Class 'jump' has no window to test on",
    ]


def test_a_class_of_two_windows_is_learned(ready: Arrays, save: Save) -> None:
    ready["classes"] = np.array(["walk", "run", "jump"])
    ready["y"][[0, 23]] = 2
    del ready["groups"]
    dataset = data.windows(data.load(save(ready)))
    assert TRAIN in dataset.part[dataset.y == 2]
    assert TEST in dataset.part


def test_one_class_that_remains_is_refused_and_not_set_aside(streams: Arrays, save: Save) -> None:
    streams["y"][:] = 0
    with pytest.raises(BadInput, match=r"data: only class 'walk' occurs"):
        data.windows(data.load(save(streams)))


def test_classes_that_each_have_a_group_of_their_own_are_split_by_time(ready: Arrays, save: Save) -> None:
    ready["y"] = ready["groups"] // 3  # two machines, three people on each
    assert data.load(save(ready)).task.split.by == "group"
    ready["groups"] = ready["y"]
    loaded = data.load(save(ready))
    assert loaded.task.split.by == "time"
    assert set(data.windows(loaded).part.tolist()) == {0, 1, 2}
