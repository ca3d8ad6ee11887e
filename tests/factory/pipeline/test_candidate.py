"""The search, end to end on a set that is learned in seconds."""

import dataclasses
import functools

import numpy as np
import pytest

from factory.artifacts import TEST, TRAIN, VALIDATION, Budget, Candidate, Trial
from factory.compiler import Scores, answers, facts_of
from factory.errors import BadInput
from factory.executor import share
from factory.pipeline import candidate
from factory.search import decode
from tests.support.waves import wave_dataset

BUDGET = Budget(max_kb=12, max_macs=60_000, max_trials=2)


class Journal:
    """Trials in memory; `limit`: the factory dies when it records one more."""

    def __init__(self, known: tuple[Trial, ...] = (), limit: int | None = None) -> None:
        self.known = list(known)
        self.recorded: list[int] = []
        self._limit = limit

    def trials(self) -> list[Trial]:
        return list(self.known)

    def record(self, trial: Trial) -> None:
        if len(self.recorded) == self._limit:
            raise KeyboardInterrupt
        self.recorded.append(trial.number)
        self.known.append(trial)


class Progress:
    """What people were shown."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.shares: list[float] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def finished(self, trial: Trial, best: Trial, share: float) -> None:
        self.shares.append(share)


@functools.cache
def produced(seed: int = 0) -> Candidate:
    return candidate.search_and_compile(wave_dataset(), BUDGET, seed, Journal(), Progress())


def test_the_candidate_knows_the_waves_and_meets_the_budget() -> None:
    candidate, test = produced(), wave_dataset().only(TEST)
    assert (answers(candidate.compiled.onnx, test.X).argmax(1) == test.y).mean() > 0.9
    assert len(candidate.compiled.onnx) <= 12_000
    assert candidate.compiled.footprint.macs <= 60_000
    assert candidate.compiled.parity.max_difference < (1e-4 if candidate.compiled.precision == "fp32" else 0.3)


def test_the_candidate_says_what_it_was_chosen_from() -> None:
    candidate = produced()
    assert len(candidate.trials) == 2
    assert decode(candidate.trials[candidate.selected].architecture) == candidate.architecture
    assert {variant.compiled.precision for variant in candidate.variants} == {"fp32", "int8"}
    assert candidate.compiled in [variant.compiled for variant in candidate.variants]
    assert f"Trial {candidate.selected}" in candidate.why
    assert candidate.seconds > 0


def test_the_file_says_what_it_is_for() -> None:
    facts = facts_of(produced().compiled.onnx)
    assert facts["classes"] == '["slow", "middle", "fast"]'
    assert facts["data_digest"] == "0" * 64
    assert facts["window"] == "64"


def test_a_killed_search_goes_on_and_ends_with_the_same_bytes() -> None:
    killed = Journal(limit=1)
    with pytest.raises(KeyboardInterrupt):
        candidate.search_and_compile(wave_dataset(), BUDGET, 0, killed, Progress())
    again, progress = Journal(tuple(killed.known)), Progress()
    resumed = candidate.search_and_compile(wave_dataset(), BUDGET, 0, again, progress)
    assert resumed.compiled.onnx == produced().compiled.onnx
    assert resumed.selected == produced().selected
    assert len(again.recorded) == 1
    assert progress.shares[-1] == 1.0
    assert len(progress.stages) == 3


IMPOSSIBLE = {
    "size": (dataclasses.replace(BUDGET, max_kb=0.5), "max_kb"),
    "MACs": (dataclasses.replace(BUDGET, max_macs=3), "max_macs"),
}


@pytest.mark.parametrize(("budget", "field"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_impossible_budget_is_refused_at_once(budget: Budget, field: str) -> None:
    journal = Journal()
    with pytest.raises(BadInput, match=field):
        candidate.search_and_compile(wave_dataset(), budget, 0, journal, Progress())
    assert journal.recorded == []


@pytest.mark.parametrize(("part", "name"), [(TRAIN, "train"), (VALIDATION, "validation")])
def test_an_empty_part_is_refused(part: int, name: str) -> None:
    dataset = wave_dataset()
    without = dataclasses.replace(dataset, part=np.where(dataset.part == part, TEST, dataset.part).astype(np.int8))
    with pytest.raises(BadInput, match=f"{name} part has no windows"):
        candidate.search_and_compile(without, BUDGET, 0, Journal(), Progress())


def trial(number: int, accuracy: float, *, fits: bool = True, seconds: float = 4.0) -> Trial:
    footprint = produced().compiled.footprint
    return Trial(number, {}, "int8", accuracy, accuracy, footprint, 10, seconds, fits)


TRIALS = [trial(0, 0.7), trial(1, 0.9), trial(2, 0.99, fits=False), trial(3, 0.8), trial(4, 0.6)]


def test_finalists_are_the_best_that_fit_when_time_does_not_matter() -> None:
    plan = candidate.final_plan(TRIALS, 30, None)
    assert [each.number for each in plan.trials] == [1, 3, 0]
    assert plan.epochs == 30


PLANS = {
    "enough for all": (1000.0, 3, 30),
    "just enough for the best alone": (24.0, 1, 30),
    "half of what the best alone needs": (12.0, 1, 15),
    "no time at all": (-5.0, 1, 10),
}


@pytest.mark.parametrize(("left_s", "count", "epochs"), PLANS.values(), ids=PLANS.keys())
def test_finalists_follow_the_time_that_is_left(left_s: float, count: int, epochs: int) -> None:
    plan = candidate.final_plan(TRIALS, 30, left_s, at_once=1)
    assert (len(plan.trials), plan.epochs) == (count, epochs)


def test_trials_of_which_none_fits_are_refused() -> None:
    with pytest.raises(BadInput, match="no compiled model met the budget"):
        candidate.final_plan([trial(0, 0.9, fits=False)], 30, None)


def scored(number: int, mean: float, kb: float, *, fits: bool = True) -> candidate.Scored:
    compiled = produced().compiled
    footprint = dataclasses.replace(compiled.footprint, file_bytes=int(1000 * kb))
    compiled = dataclasses.replace(compiled, footprint=footprint)
    return candidate.Scored(trial(number, mean), compiled, Scores(mean, mean), fits)


def test_the_best_that_fits_is_chosen() -> None:
    assert candidate.choose([scored(0, 0.9, 10), scored(1, 0.95, 20)]).trial.number == 1
    assert candidate.choose([scored(0, 0.9, 10), scored(1, 0.95, 20, fits=False)]).trial.number == 0


def test_of_equals_the_smaller_is_chosen() -> None:
    assert candidate.choose([scored(0, 0.949, 10), scored(1, 0.95, 20)]).trial.number == 0
    assert candidate.choose([scored(0, 0.949, 10), scored(1, 0.949, 10)]).trial.number == 0


def test_nothing_that_fits_is_an_error() -> None:
    with pytest.raises(BadInput, match="no finalist met the budget"):
        candidate.choose([scored(0, 0.9, 10, fits=False)])


def test_weights_trained_again_that_know_less_are_not_shipped() -> None:
    validated, better, worse = [scored(0, 0.9, 10)], [scored(0, 0.95, 10)], [scored(0, 0.5, 10)]
    assert candidate._shipped(validated, better, validated[0]) is better
    assert candidate._shipped(validated, worse, validated[0]) is validated
    assert candidate._shipped(validated, [scored(0, 0.95, 10, fits=False)], validated[0]) is validated


def test_validation_scores_are_of_weights_that_have_not_seen_the_validation_part() -> None:
    """A class that only the validation part holds is never recognised, until both parts are trained on together."""
    dataset, fast = wave_dataset(), 2
    train, validation = dataset.only(TRAIN), dataset.only(VALIDATION)
    seen, unseen = train.y != fast, validation.y == fast
    parts = {"X": train.X[seen], "y": train.y[seen], "Xv": validation.X[unseen], "yv": validation.y[unseen]}
    with share(**parts) as shared:
        work = candidate.Work(shared, BUDGET, 0, ())
        finalist = produced().trials[0]
        assert all(each.scores.accuracy < 0.2 for each in candidate.final(work, finalist, 20))
        assert all(each.scores.accuracy > 0.8 for each in candidate.refit(work, finalist, 40))
