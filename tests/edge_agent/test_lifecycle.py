"""The whole table: from what is wanted, held, known and running to what is to be done."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from edge_agent import lifecycle
from edge_agent.config import Limits
from edge_agent.lifecycle import (
    STEPS,
    Already,
    Empty,
    Install,
    Outcome,
    Plan,
    Refuse,
    Rest,
    SlotsState,
)
from protocol.messages import Reason, Slot, State
from protocol.trust import Desired, FileRef, ReleaseFiles


def ref(letter: str) -> FileRef:
    return FileRef(letter * 64, 100)


def files(letter: str) -> ReleaseFiles:
    return ReleaseFiles(ref(letter), FileRef(letter * 63 + "1", 10), FileRef(letter * 63 + "2", 10))


def outcome(state: State, release: str = "a", rev: int = 5, reason: Reason | None = None) -> Outcome:
    return Outcome(rev, release * 64, state, 1.0, reason)


NOW = 1000.0
START = SlotsState(rev_seen=5, expires=2000.0, wanted={"active": ref("a")})
HOLDS = replace(START, held={"active": files("a")}, outcomes={"active": outcome(State.ACTIVE)}, rev_applied=5)
NOBODY: frozenset[Slot] = frozenset()
ACTIVE: frozenset[Slot] = frozenset({"active"})

PLANS: dict[str, tuple[SlotsState, frozenset[Slot], Plan | type[Plan]]] = {
    "nothing was ever wanted": (SlotsState(), NOBODY, Rest()),
    "a new release": (START, NOBODY, Install(ref("a"), again=False)),
    "a new release while another runs": (
        replace(START, held={"active": files("b")}),
        ACTIVE,
        Install(ref("a"), again=False),
    ),
    "it is there and runs": (HOLDS, ACTIVE, Rest()),
    "a new revision wants what runs": (replace(HOLDS, rev_seen=6), ACTIVE, Already()),
    "a new revision wants what is held but does not run": (
        replace(HOLDS, rev_seen=6),
        NOBODY,
        Install(ref("a"), again=False),
    ),
    "killed while it was downloading": (
        replace(START, outcomes={"active": outcome(State.DOWNLOADING)}),
        NOBODY,
        Install(ref("a"), again=True),
    ),
    "killed between the switch and the telling": (
        replace(HOLDS, outcomes={"active": outcome(State.STAGED)}),
        ACTIVE,
        Already(),
    ),
    "it was rejected": (
        replace(START, outcomes={"active": outcome(State.REJECTED, reason=Reason.MALFORMED)}),
        NOBODY,
        Rest(),
    ),
    "it failed": (replace(START, outcomes={"active": outcome(State.FAILED, reason=Reason.TIMED_OUT)}), NOBODY, Rest()),
    "it was rolled back": (
        replace(START, held={"active": files("b")}, outcomes={"active": outcome(State.ROLLED_BACK)}),
        ACTIVE,
        Rest(),
    ),
    "an earlier revision was rejected": (
        replace(START, outcomes={"active": outcome(State.REJECTED, rev=4)}),
        NOBODY,
        Install(ref("a"), again=False),
    ),
    "it is quarantined": (replace(START, quarantine=("a" * 64,)), NOBODY, Refuse),
    "the document has expired": (replace(START, expires=NOW), NOBODY, Refuse),
    "expired, but it runs": (replace(HOLDS, expires=NOW), ACTIVE, Rest()),
    "nothing is wanted of a slot that holds something": (replace(HOLDS, rev_seen=6, wanted={}), ACTIVE, Empty()),
    "a digest of another length": (
        replace(HOLDS, rev_seen=6, wanted={"active": FileRef("a" * 64, 99)}),
        ACTIVE,
        Install(FileRef("a" * 64, 99), again=False),
    ),
}


@pytest.mark.parametrize(("state", "running", "expected"), PLANS.values(), ids=PLANS)
def test_plan(state: SlotsState, running: frozenset[Slot], expected: Plan | type[Plan]) -> None:
    plan = lifecycle.plan(state, "active", running, NOW)
    if isinstance(expected, type):
        assert isinstance(plan, expected)
    else:
        assert plan == expected


def test_every_step_leads_on_to_active_and_has_a_time_limit() -> None:
    state, passed = State.ACCEPTED, []
    while state in STEPS:
        assert getattr(Limits(), STEPS[state].limit) > 0
        passed.append(state)
        state = STEPS[state].then
    assert state is State.ACTIVE
    assert set(passed) == set(State) - lifecycle.SETTLED


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_ends_a_release_in_a_settled_state(reason: Reason) -> None:
    state = lifecycle.ends_in(reason)
    assert state in lifecycle.SETTLED
    assert (state is State.FAILED) == (reason in {Reason.TIMED_OUT, Reason.DISK_FULL})


def test_accepting_keeps_what_a_later_document_must_be_newer_than() -> None:
    desired = Desired("f", "d", 7, datetime(2030, 1, 1, tzinfo=UTC), "9" * 64, {"active": ref("c")})
    state = lifecycle.accept(HOLDS, desired)
    assert (state.seen.rev, state.seen.document_sha256) == (7, "9" * 64)
    assert state.wanted == {"active": ref("c")}
    assert state.held == HOLDS.held
    assert state.rev_applied == 5


OUTCOMES: Mapping[str, tuple[Outcome, int, tuple[str, ...]]] = {
    "active": (outcome(State.ACTIVE, rev=6), 6, ()),
    "downloading": (outcome(State.DOWNLOADING, rev=6), 5, ()),
    "rejected for its signature": (outcome(State.REJECTED, rev=6, reason=Reason.WRONG_KEY), 5, ()),
    "rejected for its answers": (outcome(State.REJECTED, rev=6, reason=Reason.GOLDEN_MISMATCH), 5, ("a" * 64,)),
    "too slow": (outcome(State.REJECTED, rev=6, reason=Reason.TOO_SLOW), 5, ("a" * 64,)),
    "its process failed": (outcome(State.REJECTED, rev=6, reason=Reason.RUNNER_FAILED), 5, ("a" * 64,)),
}


@pytest.mark.parametrize(("noted", "applied", "quarantine"), OUTCOMES.values(), ids=OUTCOMES)
def test_note(noted: Outcome, applied: int, quarantine: tuple[str, ...]) -> None:
    state = lifecycle.note(replace(HOLDS, rev_seen=6), "active", noted)
    assert (state.rev_applied, state.quarantine) == (applied, quarantine)


def test_a_switch_keeps_what_ran_before() -> None:
    state = lifecycle.switch(HOLDS, "active", files("b"))
    assert state.held == {"active": files("b")}
    assert state.previous == files("a")
    assert lifecycle.switch(state, "active", files("b")).previous == files("a")
    assert lifecycle.switch(state, "shadow", files("c")).previous == files("a")


ROLLED_BACK = outcome(State.ROLLED_BACK, "b", reason=Reason.RUNNER_FAILED)


def test_rolling_back_takes_the_previous_release_and_quarantines_the_other() -> None:
    state = lifecycle.roll_back(lifecycle.switch(HOLDS, "active", files("b")), "active", ROLLED_BACK)
    assert state.held == {"active": files("a")}
    assert state.previous is None
    assert state.quarantine == ("b" * 64,)


@pytest.mark.parametrize(
    "state",
    [
        replace(HOLDS, held={"active": files("b")}),
        replace(HOLDS, held={"active": files("b")}, previous=files("a"), quarantine=("a" * 64,)),
        replace(HOLDS, held={"active": files("b")}, previous=files("b")),
    ],
    ids=["nothing before it", "the one before is quarantined", "the one before is the same"],
)
def test_rolling_back_with_nothing_to_go_back_to_leaves_the_slot_empty(state: SlotsState) -> None:
    assert lifecycle.roll_back(state, "active", ROLLED_BACK).held == {}


def test_a_shadow_that_fails_leaves_the_active_slot_alone() -> None:
    state = replace(HOLDS, held={**HOLDS.held, "shadow": files("b")}, previous=files("c"))
    after = lifecycle.roll_back(state, "shadow", ROLLED_BACK)
    assert (after.held, after.previous) == (HOLDS.held, files("c"))


def test_emptying_the_active_slot_keeps_its_release_as_the_previous_one() -> None:
    state = lifecycle.empty(replace(HOLDS, rev_seen=6, wanted={}), "active")
    assert (state.held, state.previous, state.rev_applied) == ({}, files("a"), 6)


def test_only_what_may_pass_is_tried_again_when_the_same_document_comes_again() -> None:
    failed = replace(START, outcomes={"active": outcome(State.FAILED, reason=Reason.TIMED_OUT)})
    assert lifecycle.delivered_again(failed).outcomes == {}
    rejected = replace(START, outcomes={"active": outcome(State.REJECTED)})
    assert lifecycle.delivered_again(rejected) is rejected


def test_lost_files_are_fetched_again() -> None:
    plan = lifecycle.plan(lifecycle.lost(HOLDS, "active"), "active", NOBODY, NOW)
    assert plan == Install(ref("a"), again=False)


def test_needed_files_are_those_of_every_release_that_may_run() -> None:
    state = lifecycle.accept(
        lifecycle.switch(HOLDS, "active", files("b")),
        Desired("f", "d", 9, datetime(2030, 1, 1, tzinfo=UTC), "9" * 64, {"shadow": ref("c")}),
    )
    needed = lifecycle.needed_blobs(state)
    assert needed == {*(one.sha256 for x in "ab" for one in vars(files(x)).values()), "c" * 64}


def test_the_quarantine_is_bounded() -> None:
    state = START
    for number in range(lifecycle.MAX_QUARANTINE + 10):
        state = lifecycle.quarantine(state, f"{number:064d}")
    assert len(state.quarantine) == lifecycle.MAX_QUARANTINE
    assert f"{lifecycle.MAX_QUARANTINE + 9:064d}" in state.quarantine
