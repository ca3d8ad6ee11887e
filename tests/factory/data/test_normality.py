"""The two classes of an anomaly task, from whatever labels there are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory import data
from factory.artifacts import TEST, TRAIN
from factory.errors import BadInput

Save = Callable[..., str]

LENGTH = 400


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., data.Loaded]:
    def load(task: str, y: Any, **more: Any) -> data.Loaded:
        X = np.random.default_rng(0).normal(size=(len(y), 2)).astype(np.float32)
        pointers = more.pop("rec_ptr", np.arange(0, len(y) + 1, LENGTH))
        np.savez(tmp_path / "pump.npz", X=X, y=y, rec_ptr=pointers, rate_hz=10.0, **more)
        (tmp_path / "task.toml").write_text(f'kind = "anomaly"\nwindow = 10\n{task}')
        return data.load(str(tmp_path / "pump.npz"), tmp_path / "task.toml")

    return load


def runs(*labels: int) -> Any:
    return np.repeat(labels, LENGTH)


NORMAL = {
    "the label that is called so": ("", ("worn", "Normal", "cracked"), [1]),
    "what the task file names": ('normal = "worn"', ("worn", "normal", "cracked"), [0]),
    "several": ('normal = ["worn", "cracked"]', ("worn", "normal", "cracked"), [0, 2]),
}


@pytest.mark.parametrize("case", NORMAL)
def test_normal_is(case: str, load: Callable[..., data.Loaded]) -> None:
    task, classes, normal = NORMAL[case]
    loaded = load(task, runs(0, 1, 2, -1), classes=np.array(classes))
    assert (loaded.task.kind, loaded.task.classes) == ("anomaly", ("normal", "anomaly"))
    found = [int(recording.labels[0]) for recording in loaded.recordings]
    assert found == [*(int(y not in normal) for y in range(3)), -1]


def test_the_only_label_there_is_is_normal_and_no_anomalies_are_needed(load: Callable[..., data.Loaded]) -> None:
    loaded = load("", runs(0, 0, 0), classes=np.array(["running"]))
    dataset = data.windows(loaded)
    assert set(dataset.y.tolist()) == {0}
    assert (dataset.part == TEST).any()


def test_labels_that_classes_leaves_out_are_neither(load: Callable[..., data.Loaded]) -> None:
    names = np.array(["normal", "worn", "repair"])
    loaded = load('classes = ["normal", "worn"]', runs(0, 1, 2), classes=names)
    assert [int(recording.labels[0]) for recording in loaded.recordings] == [0, 1, -1]


def test_a_training_part_without_anomalies_will_do(load: Callable[..., data.Loaded]) -> None:
    y = np.repeat([0, 0, 0, 1], LENGTH)
    dataset = data.windows(load("", y, classes=np.array(["normal", "worn"]), rec_split=np.array([0, 0, 0, 1])))
    assert set(dataset.y[dataset.part == TRAIN].tolist()) == {0}
    assert set(dataset.y[dataset.part == TEST].tolist()) == {1}


REFUSED = {
    "a label that does not occur": ('normal = "wron"', ("worn", "ok"), "'worn' is meant"),
    "nothing said of what is normal": ("", ("worn", "ok"), r"normal = \['worn'\]"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused(case: str, load: Callable[..., data.Loaded]) -> None:
    task, classes, message = REFUSED[case]
    with pytest.raises(BadInput, match=message):
        load(task, runs(0, 1), classes=np.array(classes))


def test_no_normal_windows_at_all_are_refused(load: Callable[..., data.Loaded]) -> None:
    with pytest.raises(BadInput, match="only class 'anomaly' occurs"):
        data.windows(load("", runs(1, 1), classes=np.array(["normal", "worn"])))


SAID_WRONGLY = {
    "an unknown kind": ('kind = "anomly"', "Perhaps 'anomaly' is meant"),
    "what is normal in a classification": ('normal = "ok"', "Add kind = 'anomaly'"),
}


@pytest.mark.parametrize("case", SAID_WRONGLY)
def test_a_task_file_that_says(case: str, tmp_path: Path) -> None:
    text, message = SAID_WRONGLY[case]
    (tmp_path / "task.toml").write_text(text)
    np.savez(tmp_path / "x.npz", X=np.zeros((4, 8, 1), np.float32), y=np.array([0, 1, 0, 1]))
    with pytest.raises(BadInput, match=message):
        data.load(str(tmp_path / "x.npz"), tmp_path / "task.toml")
