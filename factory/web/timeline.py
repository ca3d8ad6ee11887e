"""A device's timeline: each step it told, in words, with its reason explained. Pure."""

from dataclasses import dataclass

from factory.registry.rows import EventRow
from factory.web.naming import Label, Names
from factory.web.words import meaning, state_words, tone


@dataclass(frozen=True)
class Step:
    """One line of a device's timeline."""

    id: int
    ts: float
    state: str
    tone: str
    words: str
    label: Label | None
    slot: str | None
    rev: int | None
    reason: str | None
    why: str | None
    cure: str | None
    text: str


def step(event: EventRow, names: Names) -> Step:
    """One line of the timeline, its reason code explained."""
    words = meaning(event.reason)
    return Step(
        id=event.id,
        ts=event.ts,
        state=event.state,
        tone=tone(event.state),
        words=state_words(event.state),
        label=names.label(event.release),
        slot=event.slot,
        rev=event.rev,
        reason=event.reason,
        why=words.what if words else None,
        cure=words.cure if words else None,
        text=event.text,
    )
