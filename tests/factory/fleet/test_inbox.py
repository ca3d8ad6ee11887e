"""What devices tell the factory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.fleet.inbox import Inbox
from factory.registry import Registry
from protocol import chunks, codec
from protocol.messages import (
    BlobRequest,
    JobEvent,
    Label,
    LabelReceipt,
    Message,
    Metrics,
    Receipt,
    Reported,
    State,
    Status,
)
from protocol.topics import DeviceTopics
from tests.support.registry import add_release

TOPICS = DeviceTopics("home", "pi")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "factory") as opened:
        opened.enrol("pi", "default", 1.0)
        add_release(opened)
        yield opened


@pytest.fixture
def inbox(registry: Registry) -> Inbox:
    return Inbox(registry, "home")


def metrics(registry: Registry, seq: int = 1, **changes: Any) -> Metrics:
    values: dict[str, Any] = {
        "outbox": "o1",
        "seq": seq,
        "slot": "active",
        "release": registry.releases()[0].release,
        "t0": 0.0,
        "t1": 1.0,
        "n": 3,
        "n_labelled": 2,
        "predicted": (2, 1, 0),
        "confusion": ((1, 1, 0), (0, 0, 0), (0, 0, 0)),
        "latency_us": {"30": 3},
        "busy_s": 0.1,
        "wall_s": 1.0,
    }
    return Metrics(**{**values, **changes})


def send(inbox: Inbox, kind: str, message: Message, topics: DeviceTopics = TOPICS) -> list[Receipt]:
    answers = inbox.take(topics.of(kind), codec.encode(message), 5.0)
    assert all(answer.topic == topics.of("receipt") for answer in answers)
    return [codec.decode(answer.payload, Receipt) for answer in answers]


def test_counts_are_stored_and_answered(inbox: Inbox, registry: Registry) -> None:
    (receipt,) = send(inbox, "m", metrics(registry))
    assert (receipt.outbox, receipt.seqs) == ("o1", (1,))
    (totals,) = registry.totals("pi")
    assert (totals.n, totals.n_labelled, totals.accuracy) == (3, 2, 0.5)


def test_counts_that_come_twice_are_counted_once_and_answered_twice(inbox: Inbox, registry: Registry) -> None:
    assert [len(send(inbox, "m", metrics(registry))) for _ in range(2)] == [1, 1]
    assert registry.totals("pi")[0].n == 3


def test_counts_of_another_shape_are_refused_but_answered_so_that_they_stop_coming(
    inbox: Inbox, registry: Registry
) -> None:
    send(inbox, "m", metrics(registry))
    assert send(inbox, "m", metrics(registry, 2, n=2, confusion=((2,),), predicted=(2,)))[0].seqs == (2,)
    assert registry.totals("pi")[0].n == 3


def test_a_step_of_a_release_becomes_a_line_of_the_timeline(inbox: Inbox, registry: Registry) -> None:
    step = JobEvent(outbox="o1", seq=4, ts=2.0, rev=1, slot="active", release="a" * 64, state=State.STAGED, text="ok")
    for _ in range(2):
        assert send(inbox, "job", step)[0].seqs == (4,)
    (event,) = registry.events("pi")
    assert (event.state, event.text, event.release) == ("staged", "ok", "a" * 64)


def test_presence_follows_the_epoch(inbox: Inbox, registry: Registry) -> None:
    send(inbox, "status", Status(online=True, epoch="new", ts=1.0))
    send(inbox, "status", Status(online=False, epoch="old", ts=1.0))
    assert registry.device("pi").online
    send(inbox, "status", Status(online=False, epoch="new", ts=1.0))
    assert not registry.device("pi").online


def test_what_a_newer_device_reports_is_kept_with_the_fields_we_do_not_know(inbox: Inbox, registry: Registry) -> None:
    reported = Reported(ts=1.0, rev_seen=2, rev_applied=2, extra={"battery": 0.5})
    send(inbox, "reported", reported)
    stored = registry.device("pi").reported
    assert stored is not None
    assert (stored["rev_seen"], stored["battery"]) == (2, 0.5)


def test_confirmed_labels_are_no_longer_pending(inbox: Inbox, registry: Registry) -> None:
    labels = [Label(label_id=f"l{i}", y="WALK", source="test", t=0.0, t0=0.0, t1=1.0) for i in range(3)]
    registry.queue_labels("pi", labels, 1.0)
    send(inbox, "label/receipt", LabelReceipt(label_ids=("l0", "l2")))
    assert [label.label_id for label in registry.pending_labels("pi")] == ["l1"]


def test_a_device_gets_the_pieces_it_asked_for_and_no_more_than_its_window(inbox: Inbox, registry: Registry) -> None:
    blob = bytes(range(256)) * 1000  # 4 pieces
    sha256 = registry.blobs.put(blob)
    wanted = chunks.to_bitmap([0, 2, 3], len(blob))
    request = BlobRequest(sha256=sha256, length=len(blob), missing=wanted, window=2)
    answers = inbox.take(TOPICS.of("blob/get"), codec.encode(request), 5.0)
    assert [TOPICS.chunk_index(answer.topic, sha256) for answer in answers] == [0, 2]
    assert answers[1].payload == blob[2 * chunks.CHUNK_BYTES : 3 * chunks.CHUNK_BYTES]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        pytest.param(TOPICS.of("m"), b"{", id="what is not JSON"),
        pytest.param(TOPICS.of("m"), b"{}", id="a message that lacks its fields"),
        pytest.param(TOPICS.of("status"), b"\xff" * 200_000, id="a message larger than any packet"),
        pytest.param(DeviceTopics("home", "stranger").of("status"), None, id="a device that is not enrolled"),
        pytest.param(DeviceTopics("other", "pi").of("status"), None, id="a device of another fleet"),
        pytest.param(TOPICS.of("desired"), None, id="a topic that only the factory may use"),
        pytest.param("ef/1/home/pi/m/../../x", None, id="a topic that is none"),
        pytest.param(
            TOPICS.of("blob/get"),
            codec.encode(BlobRequest(sha256="f" * 64, length=10, missing="AQ==")),
            id="a request for a blob that nobody has",
        ),
    ],
)
def test_what_cannot_be_stored_is_dropped_without_a_trace(
    inbox: Inbox, registry: Registry, topic: str, payload: bytes | None
) -> None:
    before = registry.device("pi")
    assert inbox.take(topic, payload or codec.encode(Status(online=True, epoch="e", ts=0.0)), 5.0) == []
    assert registry.device("pi") == before
    assert [row.name for row in registry.devices()] == ["pi"]
