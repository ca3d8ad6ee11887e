"""What every registry promises when several processes use it, and when one of them is killed."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

import pytest

from factory.errors import BadInput
from factory.registry import Registry
from tests.contracts.registry import Place, make_metrics
from tests.support.registry import add_release

_spawn = multiprocessing.get_context("spawn")  # a fork would share the parent's connections
PROCESSES = 2


def claim_until_empty(place: Place, worker: str) -> list[int]:
    with place.open() as registry:
        claimed = []
        while job := registry.claim(worker, now=1.0, lease_s=60.0):
            claimed.append(job.id)
        return claimed


def claim_and_die(place: Place) -> None:
    with place.open() as registry:
        registry.claim("the killed", now=10.0, lease_s=30.0)
        os.kill(os.getpid(), signal.SIGKILL)


def open_and_enrol(place: Place, device: str) -> int:
    with place.open() as registry:
        registry.enrol(device, "kitchen", now=1.0)
        return len(registry.devices())


def add_all_metrics(place: Place, release: str, seqs: list[int]) -> int:
    with place.open() as registry:
        return sum(registry.add_metrics("pi-1", make_metrics(release, seq), now=2.0) for seq in seqs)


def add_metrics_until_killed(place: Place, release: str, done: Connection) -> None:
    with place.open() as registry:
        for seq in range(1, 1_000_000):
            registry.add_metrics("pi-1", make_metrics(release, seq), now=2.0)
            done.send(seq)


class JobsContract:
    def test_a_job_goes_through_its_life(self, registry: Registry) -> None:
        queued = registry.submit("push", {"release": "abc", "to": ["pi-1"]}, by="ada", now=1.5)
        assert (queued.state, queued.attempts, queued.lease_until, queued.created) == ("queued", 0, None, 1.5)
        running = registry.claim("worker", now=2.0, lease_s=30.0)
        assert running is not None
        assert (running.id, running.payload, running.by) == (queued.id, queued.payload, "ada")
        assert (running.state, running.attempts, running.lease_until, running.updated) == ("running", 1, 32.0, 2.0)
        registry.finish(queued.id, {"devices": 1}, now=3.0)
        done = registry.job(queued.id)
        assert (done.state, done.result, done.error, done.lease_until, done.updated) == (
            "done",
            {"devices": 1},
            None,
            None,
            3.0,
        )

    def test_the_oldest_job_is_claimed_first_and_the_newest_is_listed_first(self, registry: Registry) -> None:
        numbers = [registry.submit("push", {}, by="ada", now=float(-number)).id for number in range(3)]
        claimed = [registry.claim("worker", now=1.0, lease_s=1.0) for _ in numbers]
        assert [job.id for job in claimed if job] == numbers
        assert [job.id for job in registry.jobs(limit=2)] == numbers[:0:-1]

    def test_a_lease_holds_while_it_is_renewed_and_by_nobody_else(self, registry: Registry) -> None:
        job = registry.submit("build", {}, by="ada", now=1.0).id
        registry.claim("first", now=10.0, lease_s=10.0)
        assert registry.renew(job, "first", until=40.0)
        assert not registry.renew(job, "second", until=99.0)
        assert registry.claim("second", now=39.0, lease_s=10.0) is None
        again = registry.claim("second", now=40.0, lease_s=10.0)
        assert again is not None
        assert (again.id, again.attempts) == (job, 2)
        assert not registry.renew(job, "first", until=99.0), "it must stop: the job is another's"

    def test_of_two_that_end_a_job_the_first_counts(self, registry: Registry) -> None:
        job = registry.submit("build", {}, by="ada", now=1.0).id
        registry.claim("first", now=10.0, lease_s=10.0)
        registry.fail(job, "the disk is full", now=11.0)
        registry.finish(job, {"late": True}, now=12.0)
        row = registry.job(job)
        assert (row.state, row.error, row.result, row.updated) == ("failed", "the disk is full", None, 11.0)
        assert registry.claim("second", now=99.0, lease_s=10.0) is None
        assert not registry.renew(job, "first", until=99.0)

    @pytest.mark.parametrize("number", [0, 7, -1, 2**63, 10**30])
    def test_a_job_nobody_submitted_is_refused(self, registry: Registry, number: int) -> None:
        with pytest.raises(BadInput, match=f"{number} is unknown"):
            registry.job(number)
        with pytest.raises(BadInput, match=f"{number} is unknown"):
            registry.finish(number, {}, now=1.0)


class ProcessesContract:
    def test_processes_that_open_a_new_registry_at_once_all_get_it(self, place: Place) -> None:
        with _spawn.Pool(PROCESSES) as pool:
            seen = pool.starmap(open_and_enrol, [(place, f"pi-{number}") for number in range(8)], chunksize=1)
        assert max(seen) == 8
        with place.open() as registry:
            assert len(registry.devices()) == 8

    def test_each_of_100_jobs_is_claimed_by_exactly_one_process(self, place: Place) -> None:
        with place.open() as registry:
            submitted = [registry.submit("push", {"n": n}, by="ada", now=1.0).id for n in range(100)]
        with _spawn.Pool(PROCESSES) as pool:
            claimed = pool.starmap(claim_until_empty, [(place, f"worker {n}") for n in range(PROCESSES)], chunksize=1)
        assert sorted(claimed[0] + claimed[1]) == submitted
        with place.open() as registry:
            assert {job.attempts for job in registry.jobs(limit=100)} == {1}

    def test_the_job_of_a_killed_worker_is_claimed_again_after_its_lease(self, place: Place) -> None:
        with place.open() as registry:
            job = registry.submit("build", {}, by="ada", now=1.0).id
            worker = _spawn.Process(target=claim_and_die, args=(place,))
            worker.start()
            worker.join()
            assert worker.exitcode == -signal.SIGKILL
            assert registry.job(job).state == "running"
            assert registry.claim("next", now=39.9, lease_s=30.0) is None
            again = registry.claim("next", now=40.0, lease_s=30.0)
            assert again is not None
            assert (again.id, again.attempts) == (job, 2)

    def test_processes_that_add_the_same_messages_add_each_once(self, place: Place) -> None:
        with place.open() as registry:
            release = add_release(registry).release
            registry.enrol("pi-1", "kitchen", now=1.0)
            seqs = list(range(1, 41))
            with _spawn.Pool(PROCESSES) as pool:
                added = pool.starmap(
                    add_all_metrics, [(place, release, seqs), (place, release, seqs[::-1])], chunksize=1
                )
            assert sum(added) == len(seqs)
            (totals,) = registry.totals("pi-1")
            assert (totals.n, totals.n_correct) == (4 * len(seqs), 2 * len(seqs))

    def test_a_process_killed_while_it_adds_loses_nothing_it_has_answered_for(self, place: Place) -> None:
        with place.open() as registry:
            release = add_release(registry).release
            registry.enrol("pi-1", "kitchen", now=1.0)
            receiver, sender = _spawn.Pipe(duplex=False)
            worker = _spawn.Process(target=add_metrics_until_killed, args=(place, release, sender))
            worker.start()
            sender.close()
            answered = [receiver.recv() for _ in range(25)]
            worker.kill()
            worker.join()
            again = [registry.add_metrics("pi-1", make_metrics(release, seq), now=3.0) for seq in answered]
            assert not any(again), "each was stored before it was answered for"
            (totals,) = registry.totals("pi-1")
            assert totals.n == sum(point.n for point in registry.series("pi-1", release, limit=10_000))
