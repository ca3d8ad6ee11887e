"""Who needs a new desired document, and how far a push has come."""

import dataclasses

import msgspec
import pytest

from factory.fleet import push
from factory.fleet.push import Push, Reach
from factory.registry.rows import DesiredRow, DeviceRow
from protocol.messages import Reason, Reported, SlotReport, State

OURS, OTHER = "a" * 64, "b" * 64
PUSH = Push(release=OURS, slot="active", asked=1000.0, timeout_s=60.0)
IN_TIME, TOO_LATE = 1010.0, 1061.0


def device(
    desired: dict[str, str] | None = None,
    rev: int = 1,
    requested: float = 1001.0,
    reported: Reported | None = None,
    online: bool = True,
) -> DeviceRow:
    row = None if desired is None else DesiredRow(rev, b"document", "c" * 64, desired, 9e9, requested, "ann")
    plain = None if reported is None else msgspec.to_builtins(reported)
    return DeviceRow("pi", "default", 0.0, online, "e1", 999.0, None, plain, row)


def says(state: State, release: str = OURS, rev_seen: int = 1, reason: Reason | None = None) -> Reported:
    slot = SlotReport(release=release, state=state, since=0.0, reason=reason, text="in words")
    return Reported(ts=0.0, rev_seen=rev_seen, rev_applied=rev_seen, slots={"active": slot})


@pytest.mark.parametrize(
    ("row", "needed"),
    [
        pytest.param(device(), True, id="a device that was never told anything is told"),
        pytest.param(device({"active": OTHER}), True, id="a device told to run something else is told"),
        pytest.param(device({"shadow": OURS}), True, id="a device that has it in the other slot only is told"),
        pytest.param(
            device({"active": OURS}), False, id="a device told since the push was asked for is not told twice"
        ),
        pytest.param(
            device({"active": OURS}, requested=900.0),
            True,
            id="a device told before, that does not run it, is told again",
        ),
        pytest.param(
            device({"active": OURS}, requested=900.0, reported=says(State.ACTIVE)),
            False,
            id="a device that runs it already is left alone",
        ),
    ],
)
def test_who_needs_a_document(row: DeviceRow, needed: bool) -> None:
    assert push.needs_document(PUSH, row) is needed


@pytest.mark.parametrize(
    ("row", "now", "reach"),
    [
        pytest.param(device({"active": OURS}), IN_TIME, Reach.WAITING, id="silence, in time, is waiting"),
        pytest.param(device({"active": OURS}), TOO_LATE, Reach.TIMED_OUT, id="silence for too long is timed out"),
        pytest.param(
            device({"active": OURS}, reported=says(State.ACTIVE)),
            IN_TIME,
            Reach.REACHED,
            id="active with ours is reached",
        ),
        pytest.param(
            device({"active": OURS}, reported=says(State.ACTIVE)), TOO_LATE, Reach.REACHED, id="reached stays reached"
        ),
        pytest.param(
            device({"active": OURS}, reported=says(State.ACTIVE, OTHER)),
            IN_TIME,
            Reach.WAITING,
            id="active with another release is waiting",
        ),
        pytest.param(
            device({"active": OURS}, reported=says(State.STAGED)), IN_TIME, Reach.WAITING, id="staged is waiting"
        ),
        pytest.param(
            device({"active": OURS}, reported=says(State.REJECTED, reason=Reason.WRONG_KEY)),
            IN_TIME,
            Reach.REFUSED,
            id="rejected under this document is refused",
        ),
        pytest.param(
            device({"active": OURS}, rev=2, reported=says(State.FAILED, rev_seen=1)),
            IN_TIME,
            Reach.WAITING,
            id="a failure under an older document says nothing about this push",
        ),
    ],
)
def test_how_far_a_push_has_come(row: DeviceRow, now: float, reach: Reach) -> None:
    assert push.progress(PUSH, row, now).reach is reach


def test_a_refusal_carries_the_devices_reason_and_words() -> None:
    row = device({"active": OURS}, reported=says(State.REJECTED, reason=Reason.WRONG_KEY))
    assert push.progress(PUSH, row, IN_TIME).text == "wrong_key: in words"


def test_a_time_out_says_whether_the_device_is_offline() -> None:
    row = device({"active": OURS}, online=False)
    assert "is offline" in push.progress(PUSH, row, TOO_LATE).text
    assert "was last silent" in push.progress(PUSH, dataclasses.replace(row, online=True), TOO_LATE).text


def test_a_push_is_over_when_no_device_is_waited_for() -> None:
    ended = push.progress(PUSH, device({"active": OURS}, reported=says(State.ACTIVE)), IN_TIME)
    waiting = push.progress(PUSH, device({"active": OURS}), IN_TIME)
    assert push.over([ended])
    assert not push.over([ended, waiting])


def test_revisions_go_beyond_what_was_written_and_what_the_device_has_seen() -> None:
    assert push.next_rev(device()) == 1
    assert push.next_rev(device({}, rev=4)) == 5
    assert push.next_rev(device({}, rev=4, reported=says(State.ACTIVE, rev_seen=9))) == 10
