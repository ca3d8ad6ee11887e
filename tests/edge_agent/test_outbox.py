"""What was committed is there after any crash, with its number and its bytes; nothing grows without end."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge_agent.accuracy import Checkpoint, Owner, Prediction, merge
from edge_agent.errors import BadConfig
from edge_agent.outbox import Outbox, Row
from edge_agent.windowing import Position
from protocol import codec
from protocol.messages import JobEvent, Label, Metrics, Slot, State

OWNER = Owner("active", "1" * 64, ("a", "b"))
METRICS = Metrics(
    outbox="-", seq=0, slot="active", release="1" * 64, t0=1.0, t1=2.0, n=3, n_labelled=1,
    predicted=(1, 2), confusion=((1, 0), (0, 0)), latency_us={"5": 3}, busy_s=0.5, wall_s=1.0,
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    store = Outbox(path, max_rows=10)
    yield store
    store.close()


def checkpoint(metrics: Metrics | None = METRICS, owner: Owner = OWNER, **rows: tuple[object, ...]) -> Checkpoint:
    return Checkpoint(owner, metrics, rows.get("waiting", ()), rows.get("settled", ()), {})  # type: ignore[arg-type]  # rows of one kind each


def event(outbox: str, seq: int) -> JobEvent:
    return JobEvent(outbox=outbox, seq=seq, ts=1.0, rev=1, slot="active", release="1" * 64, state=State.ACTIVE)


def metrics_of(rows: list[Row]) -> list[Metrics]:
    return [codec.decode(row.payload, Metrics) for row in rows if row.kind == "m"]


def test_a_checkpoint_survives_as_a_whole(outbox: Outbox, path: Path) -> None:
    waiting = (Prediction("r@1", 1.0, 3.0, 1), Prediction("r@2", 2.0, 4.0, 0))
    outbox.checkpoint([checkpoint(waiting=waiting)], {"active": Position("r", 3)}, sending=False)
    outbox.checkpoint([checkpoint(None, settled=("r@1",))], {"active": Position("r", 9)}, sending=False)
    again = Outbox(path, max_rows=10)
    assert again.id == outbox.id
    assert again.positions() == {"active": Position("r", 9)}
    assert [(one.owner, one.waiting) for one in again.scored()] == [(OWNER, waiting[1:])]
    assert metrics_of(again.rows_after(0, 9)) == [replace(METRICS, outbox=outbox.id, seq=1)]
    again.close()


def test_a_checkpoint_that_fails_leaves_nothing_behind(outbox: Outbox) -> None:
    twice = (Prediction("r@1", 1.0, 3.0, 1),) * 2
    with pytest.raises(Exception, match="UNIQUE"):
        outbox.checkpoint([checkpoint(waiting=twice)], {"active": Position("r", 3)}, sending=False)
    assert (len(outbox), outbox.positions(), outbox.scored()) == (0, {}, [])


def test_numbers_are_never_used_twice(outbox: Outbox, path: Path) -> None:
    outbox.add_event(event, sending=True)
    outbox.add_event(event, sending=True)
    outbox.confirmed(outbox.id, [1, 2])
    again = Outbox(path, max_rows=10)
    again.add_event(event, sending=True)
    assert [row.seq for row in again.rows_after(0, 9)] == [3]
    again.close()


def test_a_receipt_for_another_outbox_confirms_nothing(outbox: Outbox) -> None:
    outbox.add_event(event, sending=True)
    outbox.confirmed("another", [1])
    assert len(outbox) == 1


def test_labels_survive_in_the_order_they_came(outbox: Outbox, path: Path) -> None:
    labels = [Label(label_id=f"l{i}", y="a", source="s", t=float(i), inference_id="r@1") for i in (3, 1, 2)]
    outbox.add_labels(labels, [])
    outbox.add_labels(labels[:1], forgotten=["l1"])
    again = Outbox(path, max_rows=10)
    assert again.labels() == [labels[0], labels[2]]
    again.close()


def test_metrics_that_were_never_sent_are_merged_when_there_are_too_many(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    other: Slot = "shadow"
    with caplog.at_level(logging.WARNING):
        for number in range(40):
            slot = other if number % 3 == 0 else "active"
            owner = Owner(slot, "1" * 64, ("a", "b"))
            outbox.checkpoint([checkpoint(replace(METRICS, slot=slot), owner)], {}, sending=False)
    assert "outbox full" in caplog.text
    assert len(outbox) <= 11
    for slot, count in ((other, 14), ("active", 26)):
        rows = [one for one in metrics_of(outbox.rows_after(0, 100)) if one.slot == slot]
        total = rows[0]
        for one in rows[1:]:
            total = merge(total, one)
        assert (total.n, total.n_labelled, total.predicted) == (3 * count, count, (count, 2 * count))


def test_metrics_that_may_have_been_sent_are_never_changed(outbox: Outbox) -> None:
    for _ in range(8):
        outbox.checkpoint([checkpoint()], {}, sending=False)
    before = outbox.rows_after(0, 8)
    for _ in range(20):
        outbox.checkpoint([checkpoint()], {}, sending=False)
    assert outbox.rows_after(0, 8) == before


def test_the_oldest_job_events_are_dropped_when_there_are_too_many(outbox: Outbox) -> None:
    for _ in range(25):
        outbox.add_event(event, sending=False)
    assert [row.seq for row in outbox.rows_after(0, 99)] == list(range(16, 26))


def test_a_release_that_is_long_gone_is_forgotten(outbox: Outbox) -> None:
    outbox.checkpoint([checkpoint(waiting=(Prediction("r@1", 1.0, 3.0, 1),))], {}, sending=False)
    outbox.forget(OWNER)
    assert outbox.scored() == []


def test_a_file_that_is_no_database_is_named_with_its_cure(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be taken for one" * 50)
    with pytest.raises(BadConfig, match=r"agent\.db: is not usable.*Move it away"):
        Outbox(path, 10)
