"""The long-running service: pushes, labels, and what it does after a kill, against a device over a real broker."""

import os
import signal
import time
from collections.abc import Mapping

import pytest

from factory import operate
from factory.errors import Unavailable
from factory.registry.rows import JobRow
from protocol.messages import Label, Reason
from tests.support.house import LIMITS, House, wait


@pytest.mark.parametrize(
    ("size", "to"),
    [
        pytest.param(7, "pi", id="a small model goes whole"),
        pytest.param(300_000, "pi", id="a large model goes by pieces"),
        pytest.param(7, "bench", id="a push to a group reaches its devices"),
    ],
)
def test_a_push_reaches_the_device(house: House, size: int, to: str) -> None:
    release = house.release(os.urandom(size))
    with house.service(), house.device() as device:
        job = house.push(release, to)
        device.live_until(lambda: house.ended(job))
    assert house.runs(device, release)
    assert house.registry.job(job.id).result == {"devices": ["pi"]}


def test_a_refusal_ends_the_push_with_the_devices_reason(house: House) -> None:
    with house.service(), house.device(refuses=Reason.SENSOR_MISMATCH) as device:
        job = house.push(house.release(b"model"))
        device.live_until(lambda: house.ended(job))
    ended = house.registry.job(job.id)
    assert (ended.state, "sensor_mismatch" in (ended.error or "")) == ("failed", True)


def test_a_push_to_an_absent_device_times_out_and_reaches_it_when_it_is_back(house: House) -> None:
    release = house.release(b"model")
    with house.service():
        job = house.push(release)
        wait(lambda: house.ended(job), LIMITS.push_timeout_s + 3)
        assert "is offline" in (house.registry.job(job.id).error or "")
        with house.device() as device:
            device.live_until(lambda: house.runs(device, release))


def test_a_push_goes_on_where_a_killed_service_left_it_with_one_document(house: House) -> None:
    release = house.release(b"model")
    with house.service():
        job = house.push(release)
        wait(lambda: house.registry.device("pi").desired is not None)
    with house.service(), house.device() as device:
        device.live_until(lambda: house.ended(job))
    desired = house.registry.device("pi").desired
    assert (house.registry.job(job.id).state, desired and desired.rev) == ("done", 1)


def test_after_a_broker_without_memory_devices_are_told_again(house: House) -> None:
    release = house.release(b"model")
    with house.service():
        house.push(release)
        wait(lambda: house.registry.device("pi").desired is not None)
        assert house.broker.pid is not None
        os.kill(house.broker.pid, signal.SIGKILL)
        wait(lambda: house.broker.pid is None)
        house.broker.ensure()
        with house.device() as device:
            device.live_until(lambda: house.runs(device, release))


def test_labels_are_sent_until_the_device_confirms_them(house: House) -> None:
    labels = [Label(label_id=f"l{i}", y="walk", source="test", t=0.0, t0=0.0, t1=1.0) for i in range(3)]
    house.registry.queue_labels("pi", labels, 1.0)
    with house.service(), house.device(confirms_labels=False) as device:
        device.live_until(lambda: len(device.labels) >= 6)
        device.confirms_labels = True
        device.live_until(lambda: not house.registry.pending_labels("pi"))
        sent = len(device.labels)
        device.live(3 * LIMITS.label_resend_s)
        assert {label.label_id for label in device.labels} == {"l0", "l1", "l2"}
        assert len(device.labels) <= sent + 3


def test_a_document_is_signed_again_before_it_runs_out(house: House) -> None:
    house.push(house.release(b"model"))
    with house.service():
        wait(lambda: house.registry.device("pi").desired is not None)
    first = house.registry.device("pi").desired
    assert first is not None
    with house.service(lambda: first.expires - 86_400):
        wait(lambda: house.registry.device("pi").desired != first)
    second = house.registry.device("pi").desired
    assert second is not None
    assert (second.rev, second.slots, second.expires > first.expires) == (2, first.slots, True)


def test_a_database_that_does_not_answer_in_time_is_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(operate, "RETRY_S", 0.05)
    claim, tries = house.registry.claim, iter(range(3))

    def slow_at_first(worker: str, now: float, lease_s: float) -> JobRow | None:
        if next(tries, None) is not None:
            raise Unavailable("the database is locked")
        return claim(worker, now, lease_s)

    monkeypatch.setattr(house.registry, "claim", slow_at_first)
    with house.service(), house.device() as device:
        job = house.push(house.release(b"model"))
        device.live_until(lambda: house.ended(job))
    assert house.registry.job(job.id).state == "done"
    assert "the database is locked; trying again" in caplog.text


def test_what_a_device_told_while_the_database_was_locked_is_not_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operate, "RETRY_S", 0.05)
    store, tries = house.registry.set_reported, iter(range(3))

    def slow_at_first(device: str, reported: Mapping[str, object], now: float) -> None:
        if reported["slots"] and next(tries, None) is not None:
            raise Unavailable("the database is locked")
        store(device, reported, now)

    monkeypatch.setattr(house.registry, "set_reported", slow_at_first)
    with house.service(), house.device() as device:
        job = house.push(house.release(b"model"))
        device.live_until(lambda: house.ended(job))
    assert house.registry.job(job.id).state == "done"
    assert next(tries, None) is None


def test_a_job_that_nobody_knows_is_failed_with_its_name(house: House) -> None:
    with house.service():
        job = house.registry.submit("dance", {}, "ann", time.time())
        wait(lambda: house.ended(job))
    assert "'dance'" in (house.registry.job(job.id).error or "")


def test_a_push_of_what_no_longer_exists_fails_with_a_reason(house: House) -> None:
    with house.service():
        job = house.registry.submit("push", {"release": "f" * 64, "to": "pi"}, "ann", time.time())
        wait(lambda: house.ended(job))
    assert house.registry.job(job.id).state == "failed"
