"""Folds: nothing that overlaps is in two of them, whatever the data are like."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory import data
from factory.artifacts import TRAIN, VALIDATION, Dataset, Split, Task
from factory.errors import BadInput

WINDOW = 12


def dataset(y: list[int], recording: list[int], start: list[int], group: list[int], classes: int = 3) -> Dataset:
    """Windows of a noise that no two recordings share."""
    names = tuple("abcdefgh"[:classes])
    task = Task("t", "classification", names, ("x",), ("",), 10.0, WINDOW, 4, Split())
    noise = np.random.default_rng(0).normal(size=(max(recording) + 1, max(start) + WINDOW, 1)).astype(np.float32)
    X = np.stack([noise[r, s : s + WINDOW] for r, s in zip(recording, start, strict=True)])
    part = np.zeros(len(y), dtype=np.int8)
    groups, recordings = np.array([f"g{i}" for i in group]), np.array([f"r{i}" for i in recording])
    return Dataset(task, X, np.array(y), part, groups, recordings, np.array(start), "")


@st.composite
def cut(draw: st.DrawFn) -> Dataset:
    """1 to 6 recordings of 2 to 40 windows at hops of 1 to 20 samples, by 1 to 4 people, in runs of 3 classes."""
    y: list[int] = []
    recording: list[int] = []
    start: list[int] = []
    group: list[int] = []
    people, hop = draw(st.integers(1, 4)), draw(st.integers(1, 20))
    for number in range(draw(st.integers(1, 6))):
        length, run = draw(st.integers(2, 40)), draw(st.integers(1, 15))
        first, person = draw(st.integers(0, 2)), draw(st.integers(0, people - 1))
        for at in range(length):
            y.append((first + at // run) % 3)
            recording.append(number)
            start.append(hop * at)
            group.append(person)
    return dataset(y, recording, start, group)


@settings(max_examples=200, deadline=None)
@given(cut(), st.integers(2, 6), st.integers(0, 3))
def test_windows_that_share_samples_are_in_one_fold(windows: Dataset, count: int, seed: int) -> None:
    fold = data.folds(windows, count, seed)
    for name in set(windows.recording.tolist()):
        mine = np.flatnonzero((windows.recording == name) & (fold >= 0))
        near = np.abs(windows.start[mine][:, None] - windows.start[mine][None]) < WINDOW
        assert (fold[mine][:, None] == fold[mine][None])[near].all()
    used = set(fold[fold >= 0].tolist())
    assert used <= set(range(count))
    np.testing.assert_array_equal(fold, data.folds(windows, count, seed))


@settings(max_examples=100, deadline=None)
@given(cut(), st.integers(2, 6))
def test_people_are_in_one_fold_where_most_classes_are_done_by_two(windows: Dataset, count: int) -> None:
    people = [set(windows.group[windows.y == number].tolist()) for number in set(windows.y.tolist())]
    if sum(len(who) >= 2 for who in people) * 2 > len(people):
        fold = data.folds(windows, count, 0)
        assert {len(set(fold[windows.group == one].tolist())) for one in set(windows.group.tolist())} == {1}


def test_there_are_no_more_folds_than_people() -> None:
    windows = dataset(
        [0, 1, 2] * 20, [i // 20 for i in range(60)], [20 * (i % 20) for i in range(60)], [0] * 20 + [1] * 20 + [2] * 20
    )
    assert set(data.folds(windows, 5, 0).tolist()) == {0, 1, 2}


def test_people_who_are_in_train_and_in_validation_may_be_in_two_folds() -> None:
    n = 60
    windows = dataset([0, 1, 2] * 20, list(range(n)), [0] * n, [i % 4 for i in range(n)])
    mixed = replace(windows, part=np.where(np.arange(n) % 8 < 4, TRAIN, VALIDATION).astype(np.int8))
    fold = data.folds(mixed, 5, 0)
    assert np.bincount(fold).tolist() == [12] * 5
    assert set(np.bincount(windows.y[fold == 2]).tolist()) == {4}


def test_recordings_are_in_one_fold_where_there_are_enough() -> None:
    windows = dataset(
        [i // 10 % 3 for i in range(120)], [i // 10 for i in range(120)], [4 * (i % 10) for i in range(120)], [0] * 120
    )
    fold = data.folds(windows, 4, 0)
    assert {len(set(fold[windows.recording == one].tolist())) for one in set(windows.recording.tolist())} == {1}
    assert np.bincount(fold).tolist() == [30] * 4


def test_ready_windows_that_share_samples_are_not_torn_apart() -> None:
    """Each window is a recording by name, but begins 4 samples after the one before it."""
    windows = dataset([0, 1] * 60, [0] * 120, [4 * i for i in range(120)], [0] * 120, 2)
    ready = replace(windows, recording=np.array([f"w{i:03d}" for i in range(120)]), start=np.zeros(120, dtype=np.int64))
    fold = data.folds(ready, 3, 1)
    kept = np.flatnonzero(fold >= 0)
    near = np.abs(kept[:, None] - kept[None]) < 3
    assert (fold[kept][:, None] == fold[kept][None])[near].all()
    assert set(fold[kept].tolist()) == {0, 1, 2}


def test_the_seed_decides() -> None:
    windows = dataset([0, 1, 2] * 20, list(range(60)), [0] * 60, [0] * 60)
    assert len({data.folds(windows, 5, seed).tobytes() for seed in range(3)}) == 3


def test_a_rare_class_does_not_cost_folds() -> None:
    windows = dataset([0] * 30 + [1] * 30 + [2] * 2, list(range(62)), [0] * 62, [0] * 62)
    fold = data.folds(windows, 5, 0)
    assert np.abs(np.bincount(fold[:60]) - 12).max() <= 2
    assert fold[60] != fold[61]


def test_one_window_cannot_be_divided() -> None:
    with pytest.raises(BadInput, match=r"data: 1 windows cannot be divided"):
        data.folds(dataset([0], [0], [0], [0]), 5, 0)
