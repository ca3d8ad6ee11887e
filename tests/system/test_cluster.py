"""A search on a Dask cluster finds what it finds here, even if a worker is lost on the way."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from factory import data, search
from factory.artifacts import TRAIN, VALIDATION, Budget, Dataset, Trial
from factory.executor import workers
from factory.pipeline.work import Work, evaluate
from tests.support.cluster import dask_cluster
from tests.support.recordings import write_recordings
from tests.support.workshop import Silent

BUDGET = Budget(max_kb=16, minutes=30, max_trials=3)


class Nowhere:
    """A journal that keeps nothing."""

    def trials(self) -> list[Trial]:
        return []

    def record(self, trial: Trial) -> None:
        pass


@pytest.mark.slow
def test_a_search_on_a_cluster_that_loses_a_worker_is_the_search_on_this_machine(tmp_path: Path) -> None:
    write_recordings(tmp_path / "people.npz", people=4, seconds=12)
    dataset = data.windows(data.load(str(tmp_path / "people.npz")))
    here = searched(dataset, None)
    with dask_cluster(tmp_path / "dask") as two:
        first, _ = two.add_worker(), two.add_worker()
        there = searched(dataset, two.address, lose=first.kill)
    assert len(here) == BUDGET.max_trials
    assert there == here


def searched(dataset: Dataset, cluster: str | None, lose: Callable[[], None] | None = None) -> list[Trial]:
    """The trials of a small search, without the time they took; `lose` is called once the first one is finished."""
    train, held = dataset.only(TRAIN), dataset.only(VALIDATION)
    space = search.Space.of(dataset.task, BUDGET)
    study = search.Study(space, Nowhere(), Silent(), 1800.0)
    with (
        workers(2, cluster) as pool,
        pool.share(X=train.X, y=train.y, Xv=held.X, yv=held.y) as shared,
    ):
        work = Work(shared, BUDGET, 3, ())

        def submit(number: int, proposal: search.Proposal) -> Future[Trial]:
            future = pool.submit(evaluate, work, number, proposal)
            if number == 0 and lose is not None:
                future.add_done_callback(lambda _: lose())
            return future

        trials = study.run(search.searcher_for(space, 3), submit)
    return [replace(trial, seconds=0.0) for trial in trials]
