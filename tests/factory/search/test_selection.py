import pytest

from factory.artifacts import Footprint, Trial
from factory.search import best, finalists, pareto, score


def trial(number: int, accuracy: float, family: str = "convnet", **others: object) -> Trial:
    """A trial whose architecture differs from others' in two fields."""
    kb, macs = float(str(others.get("kb", 10))), int(str(others.get("macs", 1000)))
    alike = others.get("like", number)
    architecture = {"family": family, "front": {"smoothing": alike}, "blocks": [{"width": alike}], "minor": number}
    footprint = Footprint(macs, 1, 1, int(1000 * kb))
    fits, effort = bool(others.get("fits", True)), float(str(others.get("effort", 1)))
    return Trial(number, architecture, "int8", accuracy, accuracy, footprint, 5, 1.0, fits, "random", effort)


def numbers(trials: list[Trial]) -> list[int]:
    return [each.number for each in trials]


def test_what_does_not_fit_is_worse_than_anything_that_does() -> None:
    over, poor = trial(0, 1.0, fits=False), trial(1, 0.1)
    assert score(over) < score(poor)
    assert best([over, poor]) == poor


def test_of_equals_the_smaller_and_then_the_earlier_is_best() -> None:
    assert best([trial(0, 0.9), trial(1, 0.9, kb=9)]).number == 1
    assert best([trial(1, 0.9), trial(0, 0.9)]).number == 0


def test_a_short_training_is_only_a_hint() -> None:
    assert best([trial(0, 0.9, effort=0.25), trial(1, 0.8)]).number == 1


FRONTS = {
    "one alone": ([trial(0, 0.5)], [0]),
    "better but larger": ([trial(0, 0.9, kb=20), trial(1, 0.8, kb=10)], [1, 0]),
    "better and smaller": ([trial(0, 0.8, kb=20), trial(1, 0.9, kb=10)], [1]),
    "better but slower": ([trial(0, 0.9, macs=2000), trial(1, 0.8, macs=1000)], [0, 1]),
    "the same twice": ([trial(0, 0.9), trial(1, 0.9)], [0]),
    "over the budget": ([trial(0, 0.9, fits=False), trial(1, 0.8)], [1]),
    "trained in part": ([trial(0, 0.9, effort=0.25), trial(1, 0.8)], [1]),
    "nothing that fits": ([trial(0, 0.9, fits=False)], []),
}


@pytest.mark.parametrize(("trials", "front"), FRONTS.values(), ids=FRONTS.keys())
def test_pareto(trials: list[Trial], front: list[int]) -> None:
    assert numbers(pareto(trials)) == front


FINALISTS = {
    "the best first": ([trial(0, 0.7), trial(1, 0.9), trial(2, 0.8)], 2, [1, 2]),
    "fewer than wanted": ([trial(0, 0.7)], 3, [0]),
    "none": ([trial(0, 0.7, fits=False)], 3, []),
    "nearly the same counts once": ([trial(0, 0.9, like=7), trial(1, 0.89, like=7), trial(2, 0.8)], 2, [0, 2]),
    "a promoted one counts once": ([trial(0, 0.9, like=7, effort=0.25), trial(1, 0.85, like=7)], 2, [1]),
    "the best of another family": ([trial(0, 0.9), trial(1, 0.89), trial(2, 0.85, "trees")], 2, [0, 2]),
    "a family out of reach": ([trial(0, 0.9), trial(1, 0.89), trial(2, 0.6, "trees")], 2, [0, 1]),
    "more families than places": ([trial(0, 0.9), trial(1, 0.89, "kernels"), trial(2, 0.88, "trees")], 1, [0]),
    "a full training before a part of one": ([trial(0, 0.95, effort=0.25), trial(1, 0.9)], 1, [1]),
    "a part of a training before nothing": ([trial(0, 0.95, effort=0.25)], 1, [0]),
}


@pytest.mark.parametrize(("trials", "count", "chosen"), FINALISTS.values(), ids=FINALISTS.keys())
def test_finalists(trials: list[Trial], count: int, chosen: list[int]) -> None:
    assert numbers(finalists(trials, count)) == chosen


def test_finalists_by_score_alone() -> None:
    trials = [trial(0, 0.9), trial(1, 0.89), trial(2, 0.85, "trees")]
    assert numbers(finalists(trials, 2, each_family=False)) == [0, 1]
