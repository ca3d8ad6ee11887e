"""What goes out, in which order, how often, and until when."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from edge_agent import courier, report
from edge_agent.courier import IN_FLIGHT, Courier
from edge_agent.lifecycle import Outcome, SlotsState
from edge_agent.outbox import Outbox
from protocol import codec
from protocol.messages import JobEvent, Reported, State
from protocol.topics import DeviceTopics

TOPICS = DeviceTopics("home", "pi")
STEP = Outcome(1, "1" * 64, State.ACTIVE, 1.0)


class Sender:
    """A link that keeps what it was given."""

    def __init__(self) -> None:
        self.is_up = True
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        assert retain == topic.endswith("reported")
        self.sent.append((topic, payload))
        return True

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events that went out."""
        return [codec.decode(payload, JobEvent).seq for topic, payload in self.sent if topic == TOPICS.of("job")]


def send(
    folder: Path,
    events: int,
    script: Callable[[Courier, Sender, Outbox], None],
    before: int,
    after: int,
    receipt_timeout_s: float = 100.0,
) -> Sender:
    """Run a courier with so many events in its outbox; `script` acts when `before` messages went out, until `after`
    did.
    """

    async def run() -> Sender:
        outbox, sender = Outbox(folder / "agent.db", 10_000), Sender()
        for _ in range(events):
            outbox.add_event(report.event_builder("active", STEP), sending=False)
        made = Courier(sender, outbox, TOPICS, receipt_timeout_s)
        task = asyncio.create_task(made.run())
        made.wake()
        await _sent(sender, before)
        script(made, sender, outbox)
        await _sent(sender, after)
        task.cancel()
        outbox.close()
        return sender

    return asyncio.run(run())


async def _sent(sender: Sender, count: int) -> None:
    """Wait until so many messages went out, and a little longer for one too many."""
    async with asyncio.timeout(20):
        while len(sender.sent) < count:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "PAUSE_S", 0.01)
    monkeypatch.setattr(courier, "LOOK_EVERY_S", 0.02)


def nothing(made: Courier, sender: Sender, outbox: Outbox) -> None:
    """Leave it alone."""


def test_each_goes_out_once_in_order(tmp_path: Path) -> None:
    assert send(tmp_path, 5, nothing, 5, 5).numbers == [1, 2, 3, 4, 5]


def test_no_more_than_a_window_goes_out_without_receipts(tmp_path: Path) -> None:
    def confirm(made: Courier, sender: Sender, outbox: Outbox) -> None:
        assert sender.numbers == list(range(1, IN_FLIGHT + 1))
        made.confirmed(outbox.id, [1, 2, 3])

    sender = send(tmp_path, IN_FLIGHT + 10, confirm, IN_FLIGHT, IN_FLIGHT + 3)
    assert sender.numbers == list(range(1, IN_FLIGHT + 4))


def test_after_a_connect_what_has_no_receipt_goes_out_again(tmp_path: Path) -> None:
    def reconnect(made: Courier, sender: Sender, outbox: Outbox) -> None:
        made.confirmed(outbox.id, [1, 3])
        made.start_over()

    assert send(tmp_path, 4, reconnect, 4, 6).numbers == [1, 2, 3, 4, 2, 4]


def test_without_any_receipt_all_goes_out_again(tmp_path: Path) -> None:
    sender = send(tmp_path, 2, nothing, 2, 6, receipt_timeout_s=0.05)
    assert sender.numbers[:6] == [1, 2] * 3


def test_nothing_goes_out_while_the_link_is_down(tmp_path: Path) -> None:
    def cut(made: Courier, sender: Sender, outbox: Outbox) -> None:
        sender.is_up = False
        outbox.add_event(report.event_builder("active", STEP), sending=False)
        made.wake()

    assert send(tmp_path, 1, cut, 1, 1).numbers == [1]


def test_of_many_changes_the_last_state_is_sent(tmp_path: Path) -> None:
    def change(made: Courier, sender: Sender, outbox: Outbox) -> None:
        for rev in range(100):
            made.report(partial(report.reported, SlotsState(rev_seen=rev), {}, 1.0))

    sender = send(tmp_path, 0, change, 0, 1)
    sent = [codec.decode(payload, Reported) for topic, payload in sender.sent if topic == TOPICS.of("reported")]
    assert [one.rev_seen for one in sent] == [99]
