"""Which trials are worth a look."""

from factory.artifacts import Footprint, Trial
from factory.pareto import by_strategy, family, front, kb, macs


def trial(number: int, file_bytes: int, accuracy: float, strategy: str = "") -> Trial:
    footprint = Footprint(1000 - file_bytes // 10, 1, 1, file_bytes)
    return Trial(number, {"family": "trees"}, "int8", accuracy, accuracy, footprint, 1, 1.0, True, strategy)


TRIALS = [trial(i, 1000 * (i + 1), accuracy, "ab"[i % 2]) for i, accuracy in enumerate((0.5, 0.4, 0.7, 0.7, 0.8))]


def test_the_front_leaves_out_what_is_larger_and_no_better() -> None:
    assert [one.number for one in front(TRIALS)] == [0, 2, 4]
    assert [one.number for one in front(reversed(TRIALS), kb)] == [0, 2, 4]


def test_another_cost_has_another_front() -> None:
    assert [one.number for one in front(TRIALS, macs)] == [4]


def test_of_equals_the_first_one_is_kept() -> None:
    assert [one.number for one in front([trial(3, 10, 0.5), trial(1, 10, 0.5)])] == [1]


def test_trials_are_told_apart_by_strategy_and_family() -> None:
    assert {name: [one.number for one in some] for name, some in by_strategy(TRIALS).items()} == {
        "a": [0, 2, 4],
        "b": [1, 3],
    }
    assert list(by_strategy([trial(0, 1, 1)])) == ["search"]
    assert family(TRIALS[0]) == "trees"
