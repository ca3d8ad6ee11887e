import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from factory.artifacts import Budget, Trial
from factory.errors import BadInput
from factory.search import Proposal, Study, best, encode, predict, searcher_for
from factory.search.space import Space
from factory.search.study import LAG
from tests.support.models import spaces

TRIALS = 45  # of which some are promoted
SPACE = replace(spaces()[2], budget=Budget(max_trials=TRIALS))


class Journal:
    """Trials in memory; a `limit` makes the factory die when one more is recorded."""

    def __init__(self, known: list[Trial] | None = None, limit: int | None = None) -> None:
        self.known = list(known or [])
        self._limit = limit

    def trials(self) -> list[Trial]:
        return sorted(self.known, key=lambda trial: trial.number)

    def record(self, trial: Trial) -> None:
        if self._limit is not None and len(self.known) >= self._limit:
            raise KeyboardInterrupt
        self.known.append(trial)


class Progress:
    """What was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Trial, Trial, float]] = []

    def stage(self, text: str) -> None:
        raise NotImplementedError

    def finished(self, trial: Trial, best: Trial, share: float) -> None:
        self.shown.append((trial, best, share))


class Laboratory:
    """Evaluates on threads. The score depends on the architecture alone, the time it takes on nothing that repeats."""

    def __init__(self, pool: Executor, *, slow: bool = False) -> None:
        self._pool, self._slow = pool, slow
        self._lock = threading.Lock()
        self.evaluated: list[int] = []
        self.running = self.most_running = 0

    def submit(self, number: int, proposal: Proposal) -> Future[Trial]:
        return self._pool.submit(self._evaluate, number, proposal)

    def _evaluate(self, number: int, proposal: Proposal) -> Trial:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.evaluated.append(number)
        if self._slow:
            time.sleep(random.uniform(0, 0.02))
        with self._lock:
            self.running -= 1
        return trial_of(number, proposal)


def trial_of(number: int, proposal: Proposal) -> Trial:
    architecture, effort = proposal.architecture, proposal.effort
    accuracy = random.Random(str(proposal)).random()
    footprint = min(predict(architecture).values(), key=lambda cost: cost.file_bytes)
    encoded = encode(architecture)
    return Trial(number, encoded, "int8", accuracy, accuracy, footprint, 5, 1.0, True, proposal.strategy, effort)


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(LAG) as threads:
        yield threads


def study(journal: Journal, space: Space = SPACE, progress: Progress | None = None) -> Study:
    return Study(space, journal, progress or Progress(), 600.0)


def test_runs_as_many_trials_as_the_budget_says(pool: Executor) -> None:
    journal, progress = Journal(), Progress()
    trials = study(journal, progress=progress).run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert journal.trials() == trials
    assert progress.shown[-1][1] == best(trials)
    assert progress.shown[-1][2] == 1.0


def test_workers_that_finish_in_any_order_change_nothing(pool: Executor) -> None:
    runs = [study(Journal()).run(searcher_for(SPACE, 1), Laboratory(pool, slow=True).submit) for _ in range(3)]
    with ThreadPoolExecutor(1) as single:
        runs.append(study(Journal()).run(searcher_for(SPACE, 1), Laboratory(single).submit))
    assert all(run == runs[0] for run in runs)


def test_several_are_evaluated_at_once_but_never_more_than_the_lag(pool: Executor) -> None:
    laboratory = Laboratory(pool, slow=True)
    study(Journal()).run(searcher_for(SPACE, 0), laboratory.submit)
    assert 1 < laboratory.most_running <= LAG


@pytest.mark.parametrize("finished", [0, 1, 5, TRIALS - 1])
def test_a_killed_study_goes_on_where_it_was_and_ends_the_same(pool: Executor, finished: int) -> None:
    whole = study(Journal()).run(searcher_for(SPACE, 2), Laboratory(pool).submit)
    killed = Journal(limit=finished)
    with pytest.raises(KeyboardInterrupt):
        study(killed).run(searcher_for(SPACE, 2), Laboratory(pool, slow=True).submit)
    laboratory = Laboratory(pool)
    resumed = study(Journal(killed.known)).run(searcher_for(SPACE, 2), laboratory.submit)
    assert resumed == whole
    assert sorted(laboratory.evaluated) == sorted(set(range(TRIALS)) - {trial.number for trial in killed.known})


def test_a_gap_in_the_journal_is_filled(pool: Executor) -> None:
    whole = study(Journal()).run(searcher_for(SPACE, 2), Laboratory(pool).submit)
    laboratory = Laboratory(pool)
    assert study(Journal(whole[:3] + whole[4:])).run(searcher_for(SPACE, 2), laboratory.submit) == whole
    assert laboratory.evaluated == [3]


def test_the_journal_of_another_study_is_refused(pool: Executor) -> None:
    other = study(Journal()).run(searcher_for(SPACE, 3), Laboratory(pool).submit)
    with pytest.raises(BadInput, match="of another study"):
        study(Journal(other)).run(searcher_for(SPACE, 4), Laboratory(pool).submit)


def test_nothing_over_the_budget_is_trained(pool: Executor) -> None:
    space = replace(SPACE, budget=Budget(max_kb=6.0, max_macs=20_000, max_trials=TRIALS))
    trials = study(Journal(), space).run(searcher_for(space, 0), Laboratory(pool).submit)
    assert all(trial.footprint.file_bytes <= 6000 and trial.footprint.macs <= 20_000 for trial in trials)
    assert len({(str(trial.architecture), trial.effort) for trial in trials}) == len(trials) == TRIALS


IMPOSSIBLE = {
    "no size": (Budget(max_kb=0.2), r"budget\.max_kb: nothing fits 0\.2 kB.*takes \d\.\d kB"),
    "no MACs": (Budget(max_macs=10), r"budget\.max_macs: nothing fits 10 MACs.*takes \d+ MACs"),
}


@pytest.mark.parametrize(("budget", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_budget_nothing_can_meet_is_refused_before_anything_is_trained(
    pool: Executor, budget: Budget, message: str
) -> None:
    laboratory, space = Laboratory(pool), replace(SPACE, budget=budget, families=("convnet", "kernels"))
    with pytest.raises(BadInput, match=message):
        study(Journal(), space).run(searcher_for(space, 0), laboratory.submit)
    assert laboratory.evaluated == []


def test_the_size_that_the_refusal_names_is_enough(pool: Executor) -> None:
    least = min(cost.file_bytes for family in SPACE.families for cost in predict(SPACE.floor(family)).values())
    space = replace(SPACE, budget=Budget(max_kb=least / 1000, max_trials=2))
    trials = study(Journal(), space).run(searcher_for(space, 0), Laboratory(pool).submit)
    assert trials[0].footprint.file_bytes <= least


class Stubborn:
    """Has one idea only."""

    def ask(self) -> Proposal:
        return Proposal(SPACE.floor("convnet"), "stubborn")

    def tell(self, proposal: Proposal, score: float) -> None:
        """Does not listen."""


def test_nothing_is_evaluated_twice_and_who_has_nothing_new_to_say_ends_the_search(pool: Executor) -> None:
    assert len(study(Journal()).run(Stubborn(), Laboratory(pool).submit)) == 1


def test_a_promoted_architecture_is_a_new_trial(pool: Executor) -> None:
    trials = study(Journal()).run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    efforts = [sorted(t.effort for t in trials if t.architecture == trial.architecture) for trial in trials]
    assert [0.25, 1.0] in efforts
    assert all(len(set(each)) == len(each) for each in efforts)


def test_a_journal_of_other_efforts_is_refused(pool: Executor) -> None:
    trials = study(Journal()).run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    other = [replace(trial, effort=0.5) for trial in trials]
    with pytest.raises(BadInput, match="of another study"):
        study(Journal(other)).run(searcher_for(SPACE, 0), Laboratory(pool).submit)


def test_time_ends_a_search(pool: Executor) -> None:
    ticks = iter(range(1000))
    space = replace(SPACE, budget=Budget())
    limited = Study(space, Journal(), Progress(), 20.0, clock=lambda: next(ticks))
    trials = limited.run(searcher_for(space, 0), Laboratory(pool).submit)
    assert 1 <= len(trials) <= 20


def test_time_that_is_already_spent_counts(pool: Executor) -> None:
    known = study(Journal()).run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    laboratory, space = Laboratory(pool), replace(SPACE, budget=Budget(max_trials=TRIALS + 10))
    limited = Study(space, Journal(known), Progress(), TRIALS / LAG)
    assert limited.run(searcher_for(SPACE, 0), laboratory.submit) == known
    assert laboratory.evaluated == []
