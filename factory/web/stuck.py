"""Why a device does not run what it should, and what to do about it. Pure: wanted, said and the time in; advice out.

Rules, the first that holds decides
1. A device that has never connected gets the commands that make it connect.
2. A device for which nothing is wanted is not stuck.
3. A slot that reports the wanted release as active is not stuck.
4. A slot that reports failed, refused or rolled back for the wanted release is: its reason code says why, in words.
5. A device that is offline is waited for.
6. A desired document that has expired will not be accepted any more.
7. A device that is online and has not seen the wanted revision after `ANSWER_S` is not listening to this factory.
8. A step that takes longer than `STEP_S` is stalled. Before that, it is under way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from factory.registry.rows import DesiredRow
from factory.web.words import BAD, meaning, state_words
from protocol.messages import Reported, SlotReport, State

ANSWER_S = 30.0
STEP_S = 180.0

Tone = Literal["bad", "warn", "busy"]


@dataclass(frozen=True)
class Advice:
    """One thing an operator should know: what is so, why, and what to do."""

    tone: Tone
    what: str
    cure: str
    code: str | None = None  # the reason code, as the protocol names it


@dataclass(frozen=True)
class Situation:
    """All that the decision rests on. `reported` is what the device said last, where it can be read."""

    online: bool
    last_seen: float | None
    desired: DesiredRow | None
    reported: Reported | None


def why_stuck(here: Situation, now: float) -> Advice | None:
    """What keeps a device from running what it should; None where nothing does."""
    if here.last_seen is None:  # rule 1
        return Advice(
            "warn",
            "Has never connected",
            "Copy its enrolment file to it, then run `edge-agent enrol FILE` and `edge-agent run CONFIG` there",
        )
    if here.desired is None:  # rule 2
        return None
    reports: Mapping[str, SlotReport] = dict(here.reported.slots) if here.reported else {}  # type: ignore[arg-type]
    for slot, release in here.desired.slots.items():
        report = reports.get(slot)
        matching = report if report is not None and report.release == release else None
        advice = _slot_advice(here, here.desired, slot, matching, now)
        if advice is not None:
            return advice
    return None


def _slot_advice(
    here: Situation, desired: DesiredRow, slot: str, report: SlotReport | None, now: float
) -> Advice | None:
    if report is not None and report.state is State.ACTIVE:  # rule 3
        return None
    if report is not None and report.state in BAD:  # rule 4
        return _refusal(report)
    if not here.online:  # rule 5
        return Advice("warn", "Offline, so the new model waits", "The device takes the model by itself once it is back")
    if now >= desired.expires:  # rule 6
        return Advice("bad", "The request expired before the device could take it", "Push again", "expired")
    if report is None:
        return _unanswered(here, desired, now)
    return _under_way(slot, report, now)


def _refusal(report: SlotReport) -> Advice:
    words = meaning(report.reason)
    said = f" ({report.text})" if report.text else ""
    if words is None:
        return Advice("bad", f"{state_words(report.state).capitalize()}{said}", "Run `edge-agent doctor` on the device")
    return Advice("bad", f"{words.what}{said}", words.cure, report.reason)


def _unanswered(here: Situation, desired: DesiredRow, now: float) -> Advice:
    """Rule 7."""
    seen = here.reported is not None and here.reported.rev_seen >= desired.rev
    if seen or now - desired.requested < ANSWER_S:
        return Advice("busy", "Asked, and has not answered yet", "This usually takes seconds")
    return Advice(
        "bad",
        "Online, but has not taken notice of the request",
        "Check that `factory serve` runs and reaches the broker; run `edge-agent doctor` on the device",
    )


def _under_way(slot: str, report: SlotReport, now: float) -> Advice:
    """Rule 8."""
    done = f", {100 * report.progress:.0f} % done" if report.state is State.DOWNLOADING else ""
    step = f"{state_words(report.state).capitalize()} (slot {slot}{done})"
    if now - report.since > STEP_S:
        return Advice(
            "bad", f"{step} and has not moved on", "Check its connection; pushing again starts over", "timed_out"
        )
    return Advice("busy", step, "Nothing to do: it goes on by itself")
