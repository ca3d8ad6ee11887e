"""The two ways to split that decide for themselves, over data of all shapes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.artifacts import TEST, TRAIN, VALIDATION
from factory.data.splits import by_group, by_runs, by_time

SHARES = (0.5, 0.2, 0.3)


@st.composite
def people(draw: st.DrawFn) -> tuple[list[int], list[str], int]:
    """Windows of 2 to 4 classes by 3 to 12 people, who do every class a few times or often."""
    classes, n = draw(st.integers(2, 4)), draw(st.integers(3, 12))
    y: list[int] = []
    who: list[str] = []
    for person in range(n):
        for label in range(classes):
            times = draw(st.integers(1, 30))
            y += [label] * times
            who += [f"p{person}"] * times
    return y, who, classes


@settings(max_examples=60, deadline=None)
@given(people(), st.integers(0, 5))
def test_people_are_in_one_part_and_every_part_has_every_class(
    case: tuple[list[int], list[str], int], seed: int
) -> None:
    y, who, classes = np.array(case[0]), np.array(case[1]), case[2]
    part = by_group.assign(y, who, classes, SHARES, seed)
    assert {len(set(part[who == one].tolist())) for one in set(who.tolist())} == {1}
    for number in (TRAIN, VALIDATION, TEST):
        assert set(y[part == number].tolist()) == set(range(classes))


def test_groups_of_one_class_each_are_dealt_so_that_every_part_has_every_class() -> None:
    y = np.repeat(np.arange(7), 3 * 10)
    machine = np.repeat([f"m{i}" for i in range(21)], 10)
    part = by_group.assign(y, machine, 7, SHARES, 0)
    for number in (TRAIN, VALIDATION, TEST):
        assert set(y[part == number].tolist()) == set(range(7))


def test_shares_are_met_in_people_and_in_windows() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat([f"p{i:02d}" for i in range(20)], rng.integers(80, 120, 20))
    y = rng.integers(0, 3, len(who))
    part = by_group.assign(y, who, 3, SHARES, 0)
    held = [len(set(who[part == number].tolist())) for number in (TRAIN, VALIDATION, TEST)]
    assert held == [10, 4, 6]
    assert np.abs(np.bincount(part) / len(part) - SHARES).max() < 0.03


def test_the_seed_decides_who_is_held_out() -> None:
    who = np.repeat([f"p{i:02d}" for i in range(10)], 20)
    y = np.tile([0, 1], 100)
    deals = [by_group.assign(y, who, 2, SHARES, seed) for seed in (0, 0, 1, 2)]
    np.testing.assert_array_equal(deals[0], deals[1])
    assert len({deal.tobytes() for deal in deals}) == 3


def test_a_share_of_zero_leaves_a_part_empty() -> None:
    who = np.repeat(["a", "b", "c", "d"], 10)
    part = by_group.assign(np.tile([0, 1], 20), who, 2, (0.75, 0.25, 0.0), 0)
    assert np.bincount(part, minlength=3).tolist() == [30, 10, 0]


def test_a_class_of_two_groups_is_learned_first_and_then_tested() -> None:
    who = np.repeat(["a", "b", "c", "d", "e"], 10)
    y = np.isin(who, ["a", "b"]).astype(np.int64)
    part = by_group.assign(y, who, 2, SHARES, 0)
    assert set(part[y == 1].tolist()) == {TRAIN, TEST}


def test_a_class_of_one_group_is_learned() -> None:
    who = np.repeat([f"p{i}" for i in range(9)], 10)
    y = (who == "p4").astype(np.int64)
    for seed in range(5):
        assert set(by_group.assign(y, who, 2, SHARES, seed)[y == 1].tolist()) == {TRAIN}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=20, max_size=300), st.integers(0, 5), st.integers(2, 6))
def test_runs_meet_the_shares_and_leave_no_class_out(labels: list[int], seed: int, count: int) -> None:
    y = np.array(labels)
    part = by_runs.assign(y, (0.8, 0.2, 0.0), seed)
    assert set(y[part == TRAIN].tolist()) == set(labels)
    assert set(part.tolist()) <= {TRAIN, VALIDATION}
    fold = by_runs.fold(y, count, seed)
    for number in set(labels):
        mine = fold[y == number]
        assert len(set(mine.tolist())) >= min(len(mine), 2)


def test_runs_are_neighbours_and_nearly_equally_many() -> None:
    y = np.tile([0, 1], 200)
    part = by_runs.assign(y, (0.8, 0.2, 0.0), 3)
    assert np.bincount(part).tolist() == [320, 80]
    assert np.count_nonzero(np.diff(part[y == 0])) < 20
    assert np.abs(np.bincount(by_runs.fold(y, 4, 3)) - 100).max() <= 4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=30, max_size=200), st.integers(1, 20), st.integers(1, 30))
def test_parts_split_by_time_keep_a_windows_length_between_them(labels: list[int], hop: int, window: int) -> None:
    y, timeline = np.array(labels), hop * np.arange(len(labels))
    part = by_time.assign(y, timeline, 2 * window, SHARES)
    kept = part >= 0
    for one in np.flatnonzero(kept):
        others = timeline[kept & (part != part[one])]
        assert not others.size or np.abs(others - timeline[one]).min() >= 2 * window


def test_each_class_is_split_by_time_in_its_own_right() -> None:
    y = np.repeat([0, 1], 100)
    part = by_time.assign(y, 100 * np.arange(200), 20, SHARES)
    expected = [TRAIN] * 50 + [VALIDATION] * 20 + [TEST] * 30
    assert part.tolist() == expected * 2


def test_the_gap_costs_the_earlier_part_only() -> None:
    part = by_time.assign(np.zeros(10, dtype=np.int64), 10 * np.arange(10), 20, SHARES)
    assert part.tolist() == [0, 0, 0, 0, -1, 1, -1, 2, 2, 2]
