"""Work on a Dask cluster: the same results as here, whoever is lost on the way, and no waiting for ever."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest

from factory.errors import BadInput, Unavailable
from factory.executor import cluster, workers
from tests.support.cluster import Cluster, dask_cluster
from tests.support.work import alone, fail, shape, sleep_in, spoil, total, where

DEADLINE_S = 30.0
X, Y = np.arange(12, dtype=np.float32).reshape(3, 4), np.array([[1], [2]], dtype=np.int64)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=2) as running:
        yield running


def test_it_is_the_standard_interface_on_other_processes(two: Cluster) -> None:
    with workers(cluster=two.address) as pool:
        assert isinstance(pool, Executor)
        answers = [pool.submit(where).result() for _ in range(6)]
        with pytest.raises(ValueError, match="of the work"):
            pool.submit(fail).result()
    assert os.getpid() not in {process for process, _ in answers}


def test_arrays_reach_every_worker_and_are_the_parents_too(two: Cluster) -> None:
    with workers(cluster=two.address) as pool, pool.share(x=X, y=Y, none=X[:0]) as shared:
        assert {pool.submit(total, shared, "x").result() for _ in range(8)} == {X.sum()}
        assert pool.submit(total, shared, "y").result() == Y.sum()
        assert pool.submit(shape, shared, "none").result() == (0, 4)
        pool.submit(spoil, shared).result()
        assert np.array_equal(shared.load()["x"], X)
        assert np.array_equal(X, np.arange(12).reshape(3, 4))


def test_a_worker_keeps_no_arrays_when_the_block_is_left(two: Cluster) -> None:
    with workers(cluster=two.address) as pool:
        with pool.share(x=X) as shared:
            pass
        with pytest.raises(KeyError):
            pool.submit(total, shared, "x").result()


def test_a_worker_that_joins_later_has_the_arrays(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=1) as small, workers(cluster=small.address) as pool, pool.share(x=X) as shared:
        assert pool.size == 1
        first, _ = pool.submit(where).result()
        small.add_worker()
        until = time.monotonic() + DEADLINE_S
        while {pool.submit(where).result()[0] for _ in range(8)} == {first}:
            assert time.monotonic() < until
            time.sleep(0.1)
        futures = [pool.submit(total, shared, "x") for _ in range(8)]
        assert {future.result() for future in futures} == {X.sum()}


def test_what_a_lost_worker_had_is_done_by_another(tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask") as small:
        processes = {worker.pid: worker for worker in (small.add_worker(), small.add_worker())}
        with workers(cluster=small.address) as pool, pool.share(x=X) as shared:
            futures = [pool.submit(sleep_in, str(tmp_path), 1.0) for _ in range(4)]
            sums = [pool.submit(total, shared, "x") for _ in range(4)]
            while not (begun := [path for path in tmp_path.iterdir() if path.name.isdigit()]):
                time.sleep(0.02)
            lost = int(begun[0].name)
            processes[lost].kill()
            assert lost not in {future.result(DEADLINE_S) for future in futures}
            assert {future.result(DEADLINE_S) for future in sums} == {X.sum()}


def test_a_worker_with_threads_does_one_thing_at_a_time(tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask") as wide:
        wide.add_worker("--nthreads", "3")
        with workers(cluster=wide.address) as pool:
            assert all(future.result() for future in [pool.submit(alone, str(tmp_path)) for _ in range(9)])


def test_a_scheduler_that_dies_ends_the_work(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=1) as small:
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"was lost; start it again and give the same command"):
            lose_the_scheduler(small, tmp_path)
        assert time.monotonic() - began < DEADLINE_S


def lose_the_scheduler(small: Cluster, folder: Path) -> None:
    with workers(cluster=small.address) as pool, pool.share(x=X):
        future = pool.submit(sleep_in, str(folder))
        while not any(path.name.isdigit() for path in folder.iterdir()):
            time.sleep(0.02)
        small.kill_scheduler()
        future.result()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)


@pytest.mark.usefixtures("patient")
def test_nobody_at_the_address_is_said_soon() -> None:
    with pytest.raises(Unavailable, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9.*dask scheduler"):
        workers(cluster="tcp://127.0.0.1:9").__enter__()


@pytest.mark.usefixtures("patient")
def test_a_scheduler_without_workers_says_how_to_start_some(tmp_path: Path) -> None:
    with dask_cluster(tmp_path) as empty, pytest.raises(Unavailable, match=f"dask worker {empty.address} --nthreads 1"):
        workers(cluster=empty.address).__enter__()


@pytest.mark.parametrize("address", ["scheduler", "http://host:8786", "tcp://", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match=r"--cluster: .* is no scheduler. .*tcp://HOST:8786"):
        workers(cluster=address).__enter__()


def test_workers_with_other_versions_are_refused(two: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_installed", lambda name: "0.0")
    with pytest.raises(BadInput, match=r"has cygnet \S+, this machine 0.0. Install the same version"):
        workers(cluster=two.address).__enter__()
