from dataclasses import replace

import pytest

from factory.registry.rows import DesiredRow
from factory.web.stuck import ANSWER_S, STEP_S, Situation, why_stuck
from protocol.messages import Reason, Reported, SlotReport, State

NOW = 1_780_000_000.0
WANTED, OTHER = "a" * 64, "b" * 64
DESIRED = DesiredRow(7, b"", "0" * 64, {"active": WANTED}, NOW + 1000, NOW - 5, "ada")


def said(state: State, release: str = WANTED, seen: int = 7, **slot: object) -> Reported:
    fields = {"since": NOW - 4, **slot}
    report = SlotReport(release=release, state=state, **fields)  # type: ignore[arg-type]  # by name
    return Reported(ts=NOW, rev_seen=seen, rev_applied=6, slots={"active": report})


HERE = Situation(online=True, last_seen=NOW - 1, desired=DESIRED, reported=said(State.ACTIVE))


@pytest.mark.parametrize(
    ("here", "tone", "words"),
    [
        pytest.param(replace(HERE, last_seen=None), "warn", "never connected", id="never connected: how to begin"),
        pytest.param(
            replace(HERE, online=False, reported=said(State.ACTIVE, OTHER)), "warn", "Offline", id="offline: waited for"
        ),
        pytest.param(
            replace(HERE, reported=said(State.REJECTED, reason=Reason.TOO_SLOW, text="212 ms")),
            "bad",
            "slower than the device's limit (212 ms)",
            id="refused: the reason in words, and the device's own",
        ),
        pytest.param(
            replace(HERE, online=False, reported=said(State.FAILED, reason=Reason.DISK_FULL)),
            "bad",
            "disk is full",
            id="a refusal counts more than being offline",
        ),
        pytest.param(
            replace(HERE, reported=said(State.ROLLED_BACK)), "bad", "Went back", id="no reason given: the state"
        ),
        pytest.param(
            replace(HERE, desired=replace(DESIRED, expires=NOW), reported=None),
            "bad",
            "expired",
            id="the request ran out",
        ),
        pytest.param(
            replace(HERE, reported=said(State.ACTIVE, OTHER, seen=6)), "busy", "not answered", id="just asked"
        ),
        pytest.param(
            replace(
                HERE, desired=replace(DESIRED, requested=NOW - ANSWER_S), reported=said(State.ACTIVE, OTHER, seen=6)
            ),
            "bad",
            "not taken notice",
            id="online and silent for long",
        ),
        pytest.param(
            replace(HERE, desired=replace(DESIRED, requested=NOW - ANSWER_S), reported=None),
            "bad",
            "not taken notice",
            id="online and has never reported",
        ),
        pytest.param(
            replace(HERE, desired=replace(DESIRED, requested=NOW - ANSWER_S), reported=said(State.ACTIVE, OTHER)),
            "busy",
            "not answered",
            id="has seen the request: patience",
        ),
        pytest.param(
            replace(HERE, reported=said(State.DOWNLOADING, progress=0.62)), "busy", "62 % done", id="under way: how far"
        ),
        pytest.param(
            replace(HERE, reported=said(State.DOWNLOADING, since=NOW - STEP_S - 1)), "bad", "not moved on", id="stalled"
        ),
    ],
)
def test_what_keeps_a_device(here: Situation, tone: str, words: str) -> None:
    advice = why_stuck(here, NOW)
    assert advice is not None
    assert (advice.tone, words in advice.what) == (tone, True), advice
    assert advice.cure


@pytest.mark.parametrize(
    "here",
    [
        pytest.param(HERE, id="it runs what is wanted"),
        pytest.param(replace(HERE, online=False), id="it runs what is wanted, as far as known"),
        pytest.param(replace(HERE, desired=None, reported=None), id="nothing is wanted"),
    ],
)
def test_a_device_that_is_not_stuck(here: Situation) -> None:
    assert why_stuck(here, NOW) is None


def test_every_wanted_slot_is_looked_at() -> None:
    both = replace(DESIRED, slots={"active": WANTED, "shadow": OTHER})
    advice = why_stuck(replace(HERE, desired=both), NOW)
    assert advice is not None
    assert advice.tone == "busy"
