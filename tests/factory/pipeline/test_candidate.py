"""The search, end to end on a set that is learned in seconds."""

import dataclasses
import functools

import numpy as np
import pytest

from factory.artifacts import TEST, TRAIN, VALIDATION, Budget, Candidate, Trial
from factory.compiler import answers, facts_of
from factory.errors import BadInput
from factory.executor import share
from factory.pipeline import candidate
from factory.pipeline.work import Member, Work, answer, fit
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


def test_an_impossible_budget_is_refused_at_once() -> None:
    journal = Journal()
    with pytest.raises(BadInput, match="max_kb"):
        candidate.search_and_compile(wave_dataset(), dataclasses.replace(BUDGET, max_kb=0.5), 0, journal, Progress())
    assert journal.recorded == []


@pytest.mark.parametrize(("part", "name"), [(TRAIN, "train"), (VALIDATION, "validation")])
def test_an_empty_part_is_refused(part: int, name: str) -> None:
    dataset = wave_dataset()
    without = dataclasses.replace(dataset, part=np.where(dataset.part == part, TEST, dataset.part).astype(np.int8))
    with pytest.raises(BadInput, match=f"{name} part has no windows"):
        candidate.search_and_compile(without, BUDGET, 0, Journal(), Progress())


def test_trials_of_which_none_fits_are_refused() -> None:
    trial = dataclasses.replace(produced().trials[0], fits=False)
    with pytest.raises(BadInput, match="no compiled model met the budget"):
        candidate._finalists([trial])


def test_what_is_shipped_was_scored_on_windows_that_it_had_not_learned_from() -> None:
    """A class that only the held windows have is never recognised, until the model is trained on all windows."""
    dataset, fast = wave_dataset(), 2
    both = candidate._rows(dataset, dataset.part != TEST)
    member = Member(produced().architecture, 20 * len(both.y))
    with share(X=both.X, y=both.y, U=both.X[:0]) as shared:
        work = Work(shared, BUDGET, 0, ())
        answered = answer(work, member, both.y == fast)
        assert all((said.argmax(1) == fast).mean() < 0.2 for said in answered.held.values())
        for compiled in fit(work, member, None, 1.0):
            assert (answers(compiled.onnx, both.X).argmax(1) == both.y).mean() > 0.9


def test_windows_that_nobody_labelled_are_learned_from_the_teacher() -> None:
    """Only the teacher knows the fast waves: they are among the unlabelled windows, and in no other."""
    dataset, fast = wave_dataset(), 2
    known = candidate._rows(dataset, (dataset.part != TEST) & (dataset.y != fast))
    unknown = candidate._rows(dataset, (dataset.part != TEST) & (dataset.y == fast))
    soft = np.eye(3, dtype=np.float32)[np.concatenate([known.y, unknown.y])]
    member = Member(produced().architecture, 40 * len(soft))
    with share(X=known.X, y=known.y, U=unknown.X) as shared:
        for compiled in fit(Work(shared, BUDGET, 0, ()), member, soft, 1.0):
            assert (answers(compiled.onnx, dataset.only(TEST).X).argmax(1) == dataset.only(TEST).y).mean() > 0.9
