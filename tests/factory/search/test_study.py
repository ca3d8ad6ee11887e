import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from factory.artifacts import Architecture, Budget, Trial
from factory.errors import BadInput
from factory.search import Study, best, encode, predict, score, searcher_for
from factory.search.study import LAG
from tests.support.models import spaces

SPACE = spaces()[2]
TRIALS = 14


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

    def submit(self, number: int, architecture: Architecture) -> Future[Trial]:
        return self._pool.submit(self._evaluate, number, architecture)

    def _evaluate(self, number: int, architecture: Architecture) -> Trial:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.evaluated.append(number)
        if self._slow:
            time.sleep(random.uniform(0, 0.02))
        with self._lock:
            self.running -= 1
        return trial_of(number, architecture)


def trial_of(number: int, architecture: Architecture) -> Trial:
    accuracy = random.Random(str(architecture)).random()
    footprint = predict(architecture)["int8"]
    return Trial(number, encode(architecture), "int8", accuracy, accuracy, footprint, 5, 1.0, True)


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(LAG) as threads:
        yield threads


def study(journal: Journal, budget: Budget | None = None, progress: Progress | None = None) -> Study:
    return Study(SPACE, budget or Budget(max_trials=TRIALS), journal, progress or Progress(), 600.0)


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
    budget = Budget(max_kb=6.0, max_macs=20_000, max_trials=TRIALS)
    trials = study(Journal(), budget).run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    assert all(trial.footprint.file_bytes <= 6000 and trial.footprint.macs <= 20_000 for trial in trials)
    assert len({str(trial.architecture) for trial in trials}) == TRIALS


IMPOSSIBLE = {
    "no size": (Budget(max_kb=0.2), r"budget\.max_kb: nothing fits 0\.2 kB.*takes \d\.\d kB"),
    "no MACs": (Budget(max_macs=10), r"budget\.max_macs: nothing fits 10 MACs.*takes \d+ MACs"),
}


@pytest.mark.parametrize(("budget", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_budget_nothing_can_meet_is_refused_before_anything_is_trained(
    pool: Executor, budget: Budget, message: str
) -> None:
    laboratory = Laboratory(pool)
    with pytest.raises(BadInput, match=message):
        study(Journal(), budget).run(searcher_for(SPACE, 0), laboratory.submit)
    assert laboratory.evaluated == []


def test_the_size_that_the_refusal_names_is_enough(pool: Executor) -> None:
    kb = predict(SPACE.floor())["int8"].file_bytes / 1000
    trials = study(Journal(), Budget(max_kb=kb, max_trials=2)).run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    assert trials[0].footprint.file_bytes <= kb * 1000


def test_time_ends_a_search(pool: Executor) -> None:
    ticks = iter(range(1000))
    limited = Study(SPACE, Budget(), Journal(), Progress(), 20.0, clock=lambda: next(ticks))
    trials = limited.run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    assert 1 <= len(trials) <= 20


def test_time_that_is_already_spent_counts(pool: Executor) -> None:
    known = study(Journal()).run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    laboratory = Laboratory(pool)
    limited = Study(SPACE, Budget(), Journal(known), Progress(), TRIALS / LAG)
    assert limited.run(searcher_for(SPACE, 0), laboratory.submit) == known
    assert laboratory.evaluated == []


def test_what_does_not_fit_is_worse_than_anything_that_does(pool: Executor) -> None:
    trials = study(Journal()).run(searcher_for(SPACE, 0), Laboratory(pool).submit)
    worst, top = min(trials, key=score), max(trials, key=score)
    over = Trial(99, top.architecture, "fp32", 1.0, 1.0, top.footprint, 5, 1.0, fits=False)
    assert score(over) < score(worst) or score(worst) == score(over) == 0.0
    assert best([over, worst]) == worst
