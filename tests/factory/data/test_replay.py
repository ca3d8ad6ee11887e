"""The replay file, and the ground truth beside it."""

from pathlib import Path

import numpy as np
import pytest

from factory import data
from factory.artifacts import Recording, Task
from factory.data.replay import GAP_S

TASK = Task("t", "classification", ("walk", "run"), ("ax", "ay"), ("g", "g"), 50.0, 10, 5)
T0 = 1_700_000_000.0


def recording(name: str, labels: list[int]) -> Recording:
    samples = np.arange(2 * len(labels), dtype=np.float32).reshape(-1, 2)
    return Recording(name, "p", samples, np.array(labels, dtype=np.int64))


def test_a_replay_file_holds_the_recordings_and_not_their_labels(tmp_path: Path) -> None:
    first, second = recording("one", [0] * 50), recording("two", [1] * 25)
    path = tmp_path / "device" / "held_out.npz"
    data.write_replay([first, second], TASK, path, T0)
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == {"X", "rec_ptr", "rec_ids", "rec_t0", "channels", "units", "rate_hz"}
        assert file["X"].dtype == np.float32
        np.testing.assert_array_equal(file["X"], np.concatenate([first.samples, second.samples]))
        assert file["rec_ptr"].tolist() == [0, 50, 75]
        assert file["rec_ids"].tolist() == ["one", "two"]
        assert file["rec_t0"].tolist() == [T0, T0 + 1.0 + GAP_S]
        assert file["channels"].tolist() == ["ax", "ay"]
        assert file["rate_hz"] == 50.0
    assert [found.name for found in path.parent.iterdir()] == ["held_out.npz"]


def test_a_replay_file_that_cannot_be_finished_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "held_out.npz"
    data.write_replay([recording("one", [0] * 5)], TASK, path, T0)
    before = path.read_bytes()
    broken = Recording("bad", "p", np.array([[object(), None]]), np.array([0]))
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        data.write_replay([broken], TASK, path, T0)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_truth_comes_in_runs_of_one_label() -> None:
    found = data.label_intervals(recording("one", [0, 0, 0, -1, 1, 1, 0]), T0, TASK)
    assert [seen.y for seen in found] == ["walk", "run", "walk"]
    assert [(seen.t0 - T0, seen.t1 - T0) for seen in found] == [
        pytest.approx((-0.005, 0.065), abs=1e-6),
        pytest.approx((0.075, 0.125), abs=1e-6),
        pytest.approx((0.115, 0.145), abs=1e-6),
    ]


def test_a_recording_without_labels_has_no_truth() -> None:
    assert data.label_intervals(recording("one", [-1] * 9), T0, TASK) == []
