"""What the agent says of itself, made from what it knows. Pure."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import cast

from edge_agent.lifecycle import Outcome, SlotsState
from edge_agent.trusted import Device, Ignored
from protocol.messages import Birth, JobEvent, Reported, Slot, SlotReport, State, Status, one_line

AGENT = f"cygnet {version('cygnet')}"


@dataclass(frozen=True)
class Machine:
    """What this machine is; sizes in MB of 10^6 bytes."""

    ram_mb: int
    disk_free_mb: int
    root_version: int


def status(online: bool, epoch: str, now: float) -> Status:
    """Whether this device is there."""
    return Status(online=online, epoch=epoch, ts=now)


def birth(device: Device, machine: Machine, epoch: str, now: float) -> Birth:
    """What this device is and can do."""
    return Birth(
        epoch=epoch,
        ts=now,
        agent=AGENT,
        onnxruntime=device.onnxruntime,
        max_opset=device.max_opset,
        max_ir=device.max_ir,
        arch=platform.machine() or "unknown",
        python=platform.python_version(),
        ram_mb=machine.ram_mb,
        disk_free_mb=machine.disk_free_mb,
        max_model_bytes=device.limits.max_model_bytes,
        root_version=machine.root_version,
        sensor=device.sensor,
    )


def reported(state: SlotsState, progress: dict[Slot, float], now: float) -> Reported:
    """Where every slot stands; `progress` from 0 to 1 of what is being downloaded."""
    active = state.held.get("active")
    return Reported(
        ts=now,
        rev_seen=state.rev_seen,
        rev_applied=state.rev_applied,
        running=active.release.sha256 if active else None,
        previous=state.previous.release.sha256 if state.previous else None,
        slots={slot: _slot(state, slot, one, progress.get(slot, 0.0)) for slot, one in state.outcomes.items()},
        first_prediction_ts=state.first_prediction_ts,
    )


def job_event(slot: Slot, outcome: Outcome, outbox: str, seq: int) -> JobEvent:
    """One step of a release into a slot."""
    return JobEvent(
        outbox=outbox,
        seq=seq,
        ts=outcome.since,
        rev=outcome.rev,
        slot=slot,
        release=outcome.release,
        state=outcome.state,
        reason=outcome.reason,
        text=one_line(outcome.text),
    )


def event_builder(slot: Slot, outcome: Outcome) -> Callable[[str, int], JobEvent]:
    """Makes the event of a step when the outbox has a number for it."""
    return lambda outbox, seq: job_event(slot, outcome, outbox, seq)


def refusals(ignored: Ignored, rev_seen: int, now: float) -> dict[Slot, Outcome]:
    """The steps that tell of a desired document which changed nothing.

    Where nobody may know which release it was about, the document's own digest stands in its place.
    """
    if ignored.desired is None:
        text = f"a desired document was ignored: {ignored.text}"
        return {"active": Outcome(rev_seen, ignored.document_sha256, State.REJECTED, now, ignored.reason, text)}
    return {
        cast("Slot", slot): Outcome(ignored.desired.rev, ref.sha256, State.REJECTED, now, ignored.reason, ignored.text)
        for slot, ref in ignored.desired.slots.items()
    }


def _slot(state: SlotsState, slot: Slot, outcome: Outcome, progress: float) -> SlotReport:
    held = state.held.get(slot)
    model = held.model.sha256 if held and held.release.sha256 == outcome.release else None
    return SlotReport(
        release=outcome.release,
        state=outcome.state,
        since=outcome.since,
        model=model,
        progress=1.0 if outcome.state is State.ACTIVE else min(1.0, progress),
        reason=outcome.reason,
        text=one_line(outcome.text),
    )
