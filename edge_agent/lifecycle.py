"""A release on its way into a slot: what is wanted, what is held, what to do next. Pure: no disk, no clock, no network.

Rules
1. The last desired document that was accepted is the whole target: a slot it does not name is to be empty.
2. A release goes through ACCEPTED, DOWNLOADING, VERIFIED, STAGED to ACTIVE. Each of these steps has a time limit
   (`STEPS`).
3. What ends badly ends with a reason: FAILED where it may pass by itself (`MAY_PASS`), REJECTED where it never will.
4. A settled slot rests until a new revision comes. FAILED is also tried again when the same document is delivered
   again.
5. A release that failed while it was executed is quarantined: it is refused whatever names it.
6. A release that fails while active is ROLLED_BACK: the previous one becomes active again, where there is one.
7. An expired document starts nothing. It never stops what runs.
8. What was going on when the agent was killed is begun again; each step finds what it has already done.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from protocol.messages import Reason, Slot, State
from protocol.trust import Desired, FileRef, ReleaseFiles, Seen

SLOTS: tuple[Slot, ...] = ("active", "shadow")
MAY_PASS = frozenset({Reason.TIMED_OUT, Reason.DISK_FULL})
QUARANTINES = frozenset({Reason.GOLDEN_MISMATCH, Reason.TOO_SLOW, Reason.RUNNER_FAILED})
SETTLED = frozenset({State.ACTIVE, State.FAILED, State.REJECTED, State.ROLLED_BACK})
MAX_QUARANTINE = 200  # digests; the oldest are forgotten


class Outcome(Struct, frozen=True):
    """How far a slot has come with what a revision wants of it."""

    rev: int
    release: str
    state: State
    since: float
    reason: Reason | None = None
    text: str = ""


class SlotsState(Struct, frozen=True):
    """All that the agent remembers about releases; `slots.json` holds exactly this."""

    format: int = 1
    rev_seen: int = 0
    document_sha256: str = ""
    expires: float = 0.0
    rev_applied: int = 0
    wanted: dict[Slot, FileRef] = field(default_factory=dict)
    held: dict[Slot, ReleaseFiles] = field(default_factory=dict)
    previous: ReleaseFiles | None = None
    outcomes: dict[Slot, Outcome] = field(default_factory=dict)
    quarantine: tuple[str, ...] = ()
    first_prediction_ts: float | None = None

    @property
    def seen(self) -> Seen:
        """What a new document must be newer than."""
        return Seen(self.rev_seen, self.document_sha256)


@dataclass(frozen=True)
class Step:
    """What is done in a state, and how long it may take: the name of a field of `Limits`."""

    action: Literal["none", "fetch", "stage", "switch"]
    limit: str
    then: State


STEPS: Mapping[State, Step] = {
    State.ACCEPTED: Step("none", "activate_timeout_s", State.DOWNLOADING),
    State.DOWNLOADING: Step("fetch", "download_timeout_s", State.VERIFIED),
    State.VERIFIED: Step("stage", "stage_timeout_s", State.STAGED),
    State.STAGED: Step("switch", "activate_timeout_s", State.ACTIVE),
}


@dataclass(frozen=True)
class Rest:
    """Nothing to do."""


@dataclass(frozen=True)
class Empty:
    """Take out what the slot holds (rule 1)."""


@dataclass(frozen=True)
class Already:
    """The slot runs what is wanted: only say so."""


@dataclass(frozen=True)
class Refuse:
    """Do not begin."""

    reason: Reason
    text: str


@dataclass(frozen=True)
class Install:
    """Bring this release into the slot; `again` where a killed agent had begun (rule 8)."""

    release: FileRef
    again: bool


Plan = Rest | Empty | Already | Refuse | Install


def plan(state: SlotsState, slot: Slot, running: Collection[Slot], now: float) -> Plan:
    """What is to be done about a slot (rules 1, 4, 5, 7 and 8). `running`: slots whose model runs; `now` in Unix
    seconds.
    """
    wanted, held, outcome = state.wanted.get(slot), state.held.get(slot), _current(state, slot)
    if wanted is None:
        return Rest() if held is None else Empty()
    if outcome is not None and outcome.state in SETTLED:
        return Rest()
    if held is not None and held.release == wanted and slot in running:
        return Already()
    if wanted.sha256 in state.quarantine:
        return Refuse(Reason.QUARANTINED, "this release has failed on this device before; build a new one")
    if now >= state.expires:
        return Refuse(Reason.EXPIRED, f"the document of revision {state.rev_seen} has expired; push again")
    return Install(wanted, again=outcome is not None)


def ends_in(reason: Reason) -> State:
    """The state in which a release that has failed on its way ends (rule 3)."""
    return State.FAILED if reason in MAY_PASS else State.REJECTED


def accept(state: SlotsState, desired: Desired) -> SlotsState:
    """A new document has been accepted; to be on disk before anything is done about it."""
    return replace(
        state,
        rev_seen=desired.rev,
        document_sha256=desired.document_sha256,
        expires=desired.expires.timestamp(),
        wanted=dict(desired.slots),
    )


def delivered_again(state: SlotsState) -> SlotsState:
    """The same document has come again: what failed and may pass is forgotten, so that it is tried again (rule 4)."""
    kept = {slot: one for slot, one in state.outcomes.items() if one.state is not State.FAILED}
    return state if len(kept) == len(state.outcomes) else replace(state, outcomes=kept)


def note(state: SlotsState, slot: Slot, outcome: Outcome) -> SlotsState:
    """A slot has come to a new state; a release that failed in execution is quarantined (rule 5)."""
    noted = replace(state, outcomes={**state.outcomes, slot: outcome})
    if outcome.reason in QUARANTINES:
        noted = quarantine(noted, outcome.release)
    return _applied(noted)


def quarantine(state: SlotsState, release: str) -> SlotsState:
    """Never run this release again (rule 5)."""
    others = tuple(one for one in state.quarantine if one != release)
    return replace(state, quarantine=(*others, release)[-MAX_QUARANTINE:])


def switch(state: SlotsState, slot: Slot, files: ReleaseFiles) -> SlotsState:
    """The slot holds these files from now on; of the active slot, what it held before is kept as the previous
    release.
    """
    switched = replace(state, held={**state.held, slot: files})
    before = state.held.get(slot, files)
    if slot != "active":
        return switched
    previous = state.previous if before.release.sha256 == files.release.sha256 else before
    return replace(switched, previous=previous, first_prediction_ts=None)


def first_prediction(state: SlotsState, now: float) -> SlotsState:
    """The active release has predicted for the first time since it became active."""
    return replace(state, first_prediction_ts=now)


def empty(state: SlotsState, slot: Slot) -> SlotsState:
    """The slot holds nothing from now on."""
    held = {name: files for name, files in state.held.items() if name != slot}
    outcomes = {name: one for name, one in state.outcomes.items() if name != slot}
    previous = state.held.get("active", state.previous) if slot == "active" else state.previous
    return _applied(replace(state, held=held, outcomes=outcomes, previous=previous))


def roll_back(state: SlotsState, slot: Slot, outcome: Outcome) -> SlotsState:
    """What the slot held has failed: in the active slot, take the previous release back (rules 5 and 6)."""
    held = {name: files for name, files in state.held.items() if name != slot}
    back = state.previous if slot == "active" else None
    if back is not None and back.release.sha256 not in (*state.quarantine, outcome.release):
        held[slot] = back
    remembered = None if slot == "active" else state.previous
    return note(replace(state, held=held, previous=remembered), slot, outcome)


def lost(state: SlotsState, slot: Slot) -> SlotsState:
    """The files of a held release have rotted: the slot is empty and what is wanted of it is begun again."""
    held = {name: files for name, files in state.held.items() if name != slot}
    outcomes = {name: one for name, one in state.outcomes.items() if name != slot}
    return replace(state, held=held, outcomes=outcomes)


def needed_blobs(state: SlotsState) -> set[str]:
    """The digests of every file that a slot holds, may go back to, or has been told to get."""
    files = [*state.held.values(), *([state.previous] if state.previous else [])]
    wanted = {ref.sha256 for ref in state.wanted.values()}
    return wanted.union(*({one.release.sha256, one.manifest.sha256, one.model.sha256} for one in files))


def _current(state: SlotsState, slot: Slot) -> Outcome | None:
    """The outcome of the last revision, where there is one yet."""
    outcome = state.outcomes.get(slot)
    return outcome if outcome is not None and outcome.rev == state.rev_seen else None


def _applied(state: SlotsState) -> SlotsState:
    """A revision is applied when every slot holds what it names, and nothing else."""
    held = {slot: files.release.sha256 for slot, files in state.held.items()}
    wanted = {slot: ref.sha256 for slot, ref in state.wanted.items()}
    done = all((one := _current(state, slot)) is not None and one.state is State.ACTIVE for slot in wanted)
    return replace(state, rev_applied=state.rev_seen) if held == wanted and done else state
