"""A real agent process against a whole factory in memory, over a real broker: from the push to exact counts."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from protocol import chunks
from protocol.messages import Reason, State
from protocol.trust import FileRef
from tests.support.agent import AgentProcess, command
from tests.support.factory import SimulatedFactory
from tests.support.keys import NEVER, make_keys, sign_desired
from tests.support.stream import Stream, stream
from tests.support.tiny_model import HOP, WINDOW, Tiny, graph, manifest_for, padded_by_input, tiny

MakeAgent = Callable[..., AgentProcess]
ALL_STEPS = [State.ACCEPTED, State.DOWNLOADING, State.VERIFIED, State.STAGED, State.ACTIVE]
STREAM = stream(500, 333, 19, 20, 1200, 777)
WINDOWS = len(STREAM.windows(WINDOW, HOP))


def push(factory: SimulatedFactory, seed: int = 0, padding: int = 0) -> FileRef:
    """Ask for a new release in the active slot."""
    ref = factory.publish_release(tiny(seed, padding))
    factory.want({"active": ref})
    return ref


def test_from_the_push_to_exact_counts(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    with make_agent(STREAM) as agent:
        ref = push(factory)
        factory.live_until(lambda: factory.runs(ref))
        factory.send_labels(STREAM.interval_labels())
        factory.live_until(lambda: factory.counted(ref) == (WINDOWS, WINDOWS))
        factory.live_until(lambda: len(factory.confirmed) == len(STREAM.samples))
        assert agent.stop() == 0
        factory.live_until(lambda: not factory.statuses[-1].online)
    assert factory.states(ref) == ALL_STEPS
    total = factory.totals(ref)
    assert total is not None
    assert sum(map(sum, total.confusion)) == WINDOWS
    by_class = [sum(truth == y for *_, truth in STREAM.windows(WINDOW, HOP)) for y in range(3)]
    assert [sum(row) for row in total.confusion] == by_class
    assert sum(total.confusion[i][i] for i in range(3)) > 0.8 * WINDOWS
    last = factory.reports[-1]
    assert last.rev_seen == last.rev_applied == 1
    assert last.first_prediction_ts is not None
    assert factory.births[-1].epoch == factory.statuses[0].epoch == factory.statuses[-1].epoch


def test_a_model_in_many_pieces(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    with make_agent(STREAM):
        ref = push(factory, padding=1_000_000)
        factory.live_until(lambda: factory.counted(ref)[0] == WINDOWS)
    assert len(factory.requests) == -(-chunks.count(1_000_000) // 4)


def test_wrong_pieces_are_dropped_and_asked_for_again(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    sent: list[int] = []

    def sometimes_short(index: int, piece: bytes) -> bytes:
        sent.append(index)
        return piece[:-1] if sent.count(index) == 1 else piece

    factory.corrupt = sometimes_short
    with make_agent(STREAM, request_timeout_s=0.2):
        ref = push(factory, padding=200_000)
        factory.live_until(lambda: factory.counted(ref)[0] == WINDOWS)
    assert len(sent) > chunks.count(200_000)


@pytest.mark.parametrize("moment", [State.ACCEPTED, State.DOWNLOADING, State.VERIFIED, State.STAGED, State.ACTIVE])
def test_killed_on_the_way_to_active(factory: SimulatedFactory, make_agent: MakeAgent, moment: State) -> None:
    factory.inline = False
    with make_agent(STREAM, request_timeout_s=0.3) as agent:
        ref = push(factory, padding=300_000)
        factory.live_until(lambda: moment in factory.states(ref))
        agent.kill()
        agent.start()
        factory.live_until(lambda: factory.counted(ref)[0] == WINDOWS)
        factory.send_labels(STREAM.interval_labels())
        factory.live_until(lambda: factory.counted(ref) == (WINDOWS, WINDOWS))
    assert factory.states(ref)[-1] is State.ACTIVE


def test_killed_in_the_middle_of_a_download_it_asks_only_for_what_it_lacks(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    with make_agent(STREAM) as agent:
        ref = push(factory, padding=1_500_000)
        factory.live_until(lambda: len(factory.requests) >= 3)
        agent.kill()
        before = len(factory.requests)
        agent.start()
        factory.live_until(lambda: factory.runs(ref))
    first_again = factory.requests[before]
    missing = chunks.from_bitmap(first_again.missing, first_again.length)
    assert 0 < len(missing) < chunks.count(first_again.length) - 4


def test_killed_many_times_while_it_replays_every_window_counts_once(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    played = stream(3000, 2000, 3333)
    windows = len(played.windows(WINDOW, HOP))
    with make_agent(played, speed=60.0) as agent:
        ref = push(factory)
        for _ in range(4):
            before = factory.counted(ref)[0]
            factory.live_until(lambda: factory.counted(ref)[0] > before + 30)  # noqa: B023  (called before the next)
            agent.kill()
            factory.send_labels(played.interval_labels()[:2])
            agent.start()
        factory.send_labels(played.interval_labels())
        factory.live_until(lambda: factory.counted(ref) == (windows, windows))
        factory.live(0.5)
        assert factory.counted(ref) == (windows, windows)


def test_killed_while_the_factory_confirms_nothing_all_is_told_again(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    factory.confirms = False
    with make_agent(STREAM) as agent:
        ref = push(factory)
        factory.live_until(lambda: factory.counted(ref)[0] == WINDOWS)
        agent.kill()
        told = dict(factory.metrics)
        factory.metrics.clear()
        factory.events.clear()
        agent.start()
        factory.live_until(lambda: factory.counted(ref)[0] == WINDOWS and State.ACTIVE in factory.states(ref))
    assert told.items() <= factory.metrics.items()


Make = Callable[[SimulatedFactory, Mapping[str, FileRef]], bytes]
REFUSED: dict[str, tuple[Make, Reason]] = {
    "another device's": (lambda f, slots: sign_desired(f.keys, "home", "other", 9, slots), Reason.OTHER_DEVICE),
    "another fleet's": (lambda f, slots: sign_desired(f.keys, "away", f.device, 9, slots), Reason.OTHER_DEVICE),
    "an expired one": (
        lambda f, slots: sign_desired(f.keys, "home", f.device, 9, slots, datetime.now(UTC) - timedelta(hours=1)),
        Reason.EXPIRED,
    ),
    "an older one": (lambda f, slots: sign_desired(f.keys, "home", f.device, 1, slots), Reason.REPLAYED),
    "another with the same revision": (
        lambda f, slots: sign_desired(f.keys, "home", f.device, 2, slots),
        Reason.REPLAYED,
    ),
    "one signed by somebody else": (
        lambda f, slots: sign_desired(make_keys(), "home", f.device, 9, slots),
        Reason.WRONG_KEY,
    ),
    "nonsense": (lambda f, slots: b"{}", Reason.MALFORMED),
}


def test_a_desired_document_that_counts_for_nothing_is_refused_and_what_runs_keeps_running(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    played = stream(60_000)
    with make_agent(played, speed=60.0) as agent:
        factory.want({})
        ref = push(factory)
        factory.live_until(lambda: factory.runs(ref))
        child = agent.children()
        other = factory.publish_release(tiny(seed=1))
        for name, (make, reason) in REFUSED.items():
            factory.send_desired(make(factory, {"active": other}))
            factory.live_until(lambda: (e := factory.last_event()) is not None and e.reason is reason)  # noqa: B023
            assert factory.runs(ref), name
        again = sign_desired(factory.keys, "home", factory.device, 2, {"active": ref}, NEVER)
        factory.send_desired(again)
        before = factory.counted(ref)[0]
        factory.live_until(lambda: factory.counted(ref)[0] > before + 10)
        assert agent.children() == child
    assert factory.states(other).count(State.REJECTED) == 1  # the expired one, whose release may be believed
    assert factory.reports[-1].rev_seen == 2


def wrong_length(factory: SimulatedFactory) -> FileRef:
    ref = factory.publish_release(tiny())
    return FileRef(ref.sha256, ref.length + 1)


def by_a_stranger(factory: SimulatedFactory) -> FileRef:
    return factory.publish_release(tiny(), make_keys())


def with_other_channels(factory: SimulatedFactory) -> FileRef:
    return factory.publish_release(changed(channels=("ax", "az", "ay")))


def at_another_rate(factory: SimulatedFactory) -> FileRef:
    return factory.publish_release(changed(rate_hz=100.0))


def with_false_answers(factory: SimulatedFactory) -> FileRef:
    return factory.publish_release(changed(answers=np.eye(4, 3)))


def for_a_newer_runtime(factory: SimulatedFactory) -> FileRef:
    return factory.publish_release(changed(opset=99))


def with_other_operators(factory: SimulatedFactory) -> FileRef:
    return factory.publish_release(changed(operators=("Softmax",)))


def too_large(factory: SimulatedFactory) -> FileRef:
    return factory.publish_release(tiny(padding=600_000))


def changed(**changes: Any) -> Tiny:
    """The tiny model with a manifest that says something else."""
    return Tiny(graph(), manifest_for(graph(), **changes))


def refused(factory: SimulatedFactory) -> bool:
    """Whether the last revision has come to nothing."""
    event = factory.last_event()
    return event is not None and event.rev == factory.rev and event.reason is not None


BAD_RELEASES = {
    "of another length than signed": (wrong_length, Reason.WRONG_LENGTH),
    "signed by a stranger": (by_a_stranger, Reason.WRONG_KEY),
    "for other channels": (with_other_channels, Reason.SENSOR_MISMATCH),
    "for another rate": (at_another_rate, Reason.SENSOR_MISMATCH),
    "whose answers are false": (with_false_answers, Reason.GOLDEN_MISMATCH),
    "for a newer runtime": (for_a_newer_runtime, Reason.RUNTIME_TOO_OLD),
    "with other operators than listed": (with_other_operators, Reason.OPERATOR_NOT_ALLOWED),
    "too large": (too_large, Reason.TOO_LARGE),
}


def test_a_bad_release_is_refused_with_its_reason_and_what_runs_keeps_running(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    limits = {"request_timeout_s": 0.2, "stall_timeout_s": 0.5, "max_model_bytes": 500_000}
    with make_agent(stream(60_000), speed=60.0, **limits):
        good = push(factory)
        factory.live_until(lambda: factory.runs(good))
        for name, (make, reason) in BAD_RELEASES.items():
            bad = make(factory)
            factory.want({"active": bad})
            factory.live_until(lambda: refused(factory))
            event = factory.last_event()
            assert event is not None
            assert (event.release, event.reason) == (bad.sha256, reason), name
            assert event.state is (State.FAILED if reason is Reason.TIMED_OUT else State.REJECTED), name
            assert factory.runs(good), name
        factory.live_until(lambda: factory.reports[-1].slots["active"].reason is Reason.TOO_LARGE)
        assert factory.reports[-1].rev_applied == 1
        factory.want({"active": good})
        factory.live_until(lambda: factory.reports[-1].rev_applied == factory.rev)


def test_a_release_that_failed_its_test_is_quarantined(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    with make_agent(STREAM):
        bad = with_false_answers(factory)
        for reason in (Reason.GOLDEN_MISMATCH, Reason.QUARANTINED):
            factory.want({"active": bad})
            factory.live_until(lambda: (e := factory.last_event()) is not None and e.reason is reason)  # noqa: B023


def spiked(at: int) -> Stream:
    """Recordings in which one sample makes `padded_by_input` fail."""
    played = stream(400, 3000)
    played.samples[1][at] = 1000.0
    return played


def test_a_model_that_keeps_crashing_is_rolled_back_and_no_window_is_lost(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    played = spiked(2000)
    windows = len(played.windows(WINDOW, HOP))
    with make_agent(played, speed=20.0) as agent:
        good = push(factory)
        factory.live_until(lambda: factory.counted(good)[0] > 10)
        bad = factory.publish_release(padded_by_input())
        factory.want({"active": bad})
        factory.live_until(lambda: State.ROLLED_BACK in factory.states(bad))
        factory.live_until(lambda: factory.runs(good))
        factory.live_until(lambda: factory.counted(good)[0] + factory.counted(bad)[0] == windows)
        factory.want({"active": bad})
        factory.live_until(lambda: (e := factory.last_event()) is not None and e.reason is Reason.QUARANTINED)
        assert factory.runs(good)
        assert agent.process is not None
        assert agent.process.poll() is None
    assert factory.counted(bad)[0] > 0


def test_without_a_release_to_go_back_to_the_slot_is_empty(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    with make_agent(spiked(100)):
        bad = factory.publish_release(padded_by_input())
        factory.want({"active": bad})
        factory.live_until(lambda: State.ROLLED_BACK in factory.states(bad))
        factory.live_until(lambda: factory.reports[-1].running is None)
        good = push(factory)
        factory.live_until(lambda: factory.runs(good))


def test_a_crash_of_the_models_process_costs_a_restart_and_no_window(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    played = stream(3000)
    with make_agent(played, speed=30.0) as agent:
        ref = push(factory)
        for _ in range(2):
            before = factory.counted(ref)[0]
            factory.live_until(lambda: factory.counted(ref)[0] > before + 20)  # noqa: B023
            for child in agent.children():
                os.kill(child, signal.SIGKILL)
        factory.live_until(lambda: factory.counted(ref)[0] == len(played.windows(WINDOW, HOP)))
    assert State.ROLLED_BACK not in factory.states(ref)


def test_a_new_release_takes_over_without_losing_or_doubling_a_window(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    played = stream(3000, 1000)
    with make_agent(played, speed=30.0):
        first = push(factory)
        factory.live_until(lambda: factory.counted(first)[0] > 50)
        second = push(factory, seed=1)
        factory.live_until(lambda: factory.runs(second))
        windows = len(played.windows(WINDOW, HOP))
        factory.live_until(lambda: factory.counted(first)[0] + factory.counted(second)[0] == windows)
        factory.send_labels(played.interval_labels())  # late ones join the windows of either release
        factory.live_until(lambda: factory.counted(first)[1] + factory.counted(second)[1] == windows)
    assert factory.reports[-1].previous == first.sha256


def test_a_shadow_sees_the_same_windows(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    played = stream(4000, 1000)
    windows = len(played.windows(WINDOW, HOP))
    with make_agent(played, speed=20.0) as agent:
        active, shadow = (factory.publish_release(tiny(seed)) for seed in (0, 1))
        factory.want({"shadow": shadow, "active": active})
        factory.live_until(lambda: factory.counted(shadow, "shadow")[0] > 20)
        agent.kill()
        agent.start()
        factory.send_labels(played.interval_labels())
        factory.live_until(lambda: factory.counted(active) == (windows, windows))
        seen = factory.counted(shadow, "shadow")
        assert 0 < seen[0] == seen[1] < windows  # it came later, and had every window from then on
        assert sum(one.n for one in factory.metrics.values()) == windows + seen[0]
        factory.want({"active": active})
        factory.live_until(lambda: factory.reports[-1].rev_applied == 2)
        assert set(factory.reports[-1].slots) == {"active"}
        assert len(agent.children()) == 1


def test_a_second_agent_on_the_same_home_refuses_to_start(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    with make_agent(STREAM) as agent:
        factory.live_until(lambda: bool(factory.births))
        second = command(["run", str(agent.config)], check=False)
    assert second.returncode == 2
    assert "another agent is running" in second.stderr


def test_the_models_process_dies_with_the_agent(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    with make_agent(STREAM) as agent:
        ref = push(factory)
        factory.live_until(lambda: factory.runs(ref))
        (child,) = agent.children()
        agent.kill()
        until = time.monotonic() + 5
        while alive(child):
            assert time.monotonic() < until
            time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_files_that_no_slot_needs_are_deleted(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    with make_agent(STREAM) as agent:
        releases = []
        for seed in range(3):
            releases.append(push(factory, seed))
            factory.live_until(lambda: factory.runs(releases[-1]))
        factory.live_until(lambda: len(list((agent.home / "blobs").iterdir())) == 6)
        names = {path.name for path in (agent.home / "blobs").iterdir()}
    assert {releases[1].sha256, releases[2].sha256} <= names


def test_a_file_that_rots_on_disk_is_fetched_again(factory: SimulatedFactory, make_agent: MakeAgent) -> None:
    with make_agent(STREAM) as agent:
        ref = push(factory)
        factory.live_until(lambda: factory.counted(ref)[0] == WINDOWS)
        agent.kill()
        model = agent.home / "blobs" / chunks.digest(graph())
        model.write_bytes(model.read_bytes()[:-1] + b"?")
        agent.start()
        factory.live_until(lambda: factory.states(ref).count(State.ACTIVE) == 2)
        assert factory.counted(ref)[0] == WINDOWS
