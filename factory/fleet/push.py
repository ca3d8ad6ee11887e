"""Who needs a new desired document, and how far a push has come. Pure: rows and the time in, a decision out.

Rules
1. A device gets a new document for a push unless it got one since the push was asked for, or already runs the release.
2. A push has reached a device when the device reports the release in the wanted slot under that document's revision.
3. A device that reports failed, rejected or rolled back under that revision has ended the push for itself, with its
   reason.
4. A device that has not answered when the time is up counts as timed out. Desired stays: the device takes the model
   when it is back.
5. A push is over when it is over for every device.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from factory.registry.rows import DeviceRow
from protocol.messages import Reported, Slot, SlotReport, State

_ENDED_BADLY = {State.FAILED, State.REJECTED, State.ROLLED_BACK}


class Reach(StrEnum):
    """How far a push has come with one device."""

    WAITING = "waiting"
    REACHED = "reached"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True)
class Push:
    """A release on its way into a slot of some devices. Times are Unix seconds."""

    release: str
    slot: Slot
    asked: float
    timeout_s: float


@dataclass(frozen=True)
class Progress:
    """How far a push has come with one device, and the device's own words."""

    device: str
    reach: Reach
    text: str = ""


def needs_document(push: Push, device: DeviceRow) -> bool:
    """Whether this device must be told (rule 1)."""
    desired = device.desired
    if desired is None or desired.slots.get(push.slot) != push.release:
        return True
    return desired.requested < push.asked and not _holds(push, device)


def progress(push: Push, device: DeviceRow, now: float) -> Progress:
    """How far the push has come with this device (rules 2, 3 and 4)."""
    if _holds(push, device):
        return Progress(device.name, Reach.REACHED)
    slot = _slot_report(push, device)
    if slot is not None and slot.release == push.release and slot.state in _ENDED_BADLY and _has_answered(device):
        return Progress(device.name, Reach.REFUSED, f"{slot.reason or slot.state}: {slot.text}")
    state = "silent" if slot is None else str(slot.state)
    if now >= push.asked + push.timeout_s:
        where = f"was last {state}" if device.online else "is offline"
        text = f"no answer in {push.timeout_s:.0f} s; it {where} and takes the model when it can"
        return Progress(device.name, Reach.TIMED_OUT, text)
    return Progress(device.name, Reach.WAITING, state)


def over(steps: Iterable[Progress]) -> bool:
    """Whether nothing more will happen (rule 5)."""
    return all(step.reach is not Reach.WAITING for step in steps)


def next_rev(device: DeviceRow) -> int:
    """The revision of the next document for a device.

    Above every one we wrote and every one it has seen, so that a factory restored from an old backup is not taken for
    an attacker.
    """
    written = 0 if device.desired is None else device.desired.rev
    reported = reported_of(device)
    return max(written, 0 if reported is None else reported.rev_seen) + 1


def _holds(push: Push, device: DeviceRow) -> bool:
    """Whether the device reports the release in the slot (rule 2)."""
    slot = _slot_report(push, device)
    return slot is not None and slot.release == push.release and slot.state is State.ACTIVE


def _has_answered(device: DeviceRow) -> bool:
    """Whether the device has seen the last document we wrote for it."""
    reported = reported_of(device)
    return reported is not None and device.desired is not None and reported.rev_seen >= device.desired.rev


def _slot_report(push: Push, device: DeviceRow) -> SlotReport | None:
    reported = reported_of(device)
    return None if reported is None else reported.slots.get(push.slot)


def reported_of(device: DeviceRow) -> Reported | None:
    """What the device last said of itself."""
    return None if device.reported is None else msgspec.convert(device.reported, Reported)
