from dataclasses import replace

import pytest

from factory.registry.rows import DesiredRow, DeviceRow, EventRow, JobRow, PointRow, TotalsRow
from factory.web import catalogue, present
from factory.web.naming import Names
from factory.web.timeline import step
from tests.factory.web.showroom import Showroom, evidence

NOW = 1_780_000_000.0
A, B = "a" * 64, "b" * 64
DEVICE = DeviceRow("pi", "lab", NOW - 900, True, "e", NOW - 2, None, None, None)
TOTALS = TotalsRow("active", A, 20, 10, ((4, 1), (0, 5)), (9, 11), {"46": 20}, 0.004, 10.0, NOW - 60, NOW)
REPORTED = {
    "ts": NOW,
    "rev_seen": 2,
    "rev_applied": 2,
    "running": A,
    "slots": {"active": {"release": A, "state": "active", "since": NOW - 60}},
    "a field of tomorrow": [1, 2],
}


def running() -> present.Running:
    points = [PointRow(NOW - 60 + t, 10, 5, 4 + t % 2) for t in range(2)]
    label = Names([]).label(A)
    assert label is not None
    return present.Running(label, TOTALS, points)


def test_a_line_of_the_fleet() -> None:
    row = present.fleet_row(replace(DEVICE, reported=REPORTED), running(), NOW)
    assert (row.presence, row.measured.accuracy, row.measured.n, row.per_second) == ("online", 0.9, 20, 2.0)
    assert row.trend == (0.8, 1.0)
    assert row.latency is not None
    assert row.advice is None


def test_a_device_that_runs_nothing_shows_nothing() -> None:
    row = present.fleet_row(DEVICE, None, NOW)
    assert (row.model, row.measured.accuracy, row.trend, row.latency, row.per_second) == (None, None, (), None, None)


@pytest.mark.parametrize(
    ("device", "presence"),
    [
        (DEVICE, "online"),
        (replace(DEVICE, online=False), "offline"),
        (replace(DEVICE, online=False, last_seen=None), "never"),
    ],
)
def test_presence(device: DeviceRow, presence: str) -> None:
    assert present.presence(device) == presence


@pytest.mark.parametrize(
    "reported",
    [
        pytest.param({}, id="empty"),
        pytest.param({**REPORTED, "rev_seen": "<b>"}, id="a number that is none"),
        pytest.param({**REPORTED, "slots": {"active": {"state": "hibernating"}}}, id="a state nobody knows"),
        pytest.param({**REPORTED, "running": "../../etc/passwd"}, id="a digest that is none"),
        pytest.param({"ts": [[[]]]}, id="of another shape"),
    ],
)
def test_what_cannot_be_read_counts_as_not_said(reported: dict[str, object]) -> None:
    device = replace(DEVICE, reported=reported, birth=reported)
    assert present.running_release(device, Names([])) is None
    view = present.device_view(device, None, [], Names([]), (), NOW)
    assert (view.slots, view.facts, view.rev_applied) == ((), (), None)


def test_slots_show_what_is_wanted_beside_what_is_said() -> None:
    desired = DesiredRow(3, b"", "0" * 64, {"shadow": B, "active": A}, NOW, NOW, "ada")
    active, shadow = present.slot_views(replace(DEVICE, desired=desired, reported=REPORTED), Names([]))
    assert (active.slot, active.state, active.tone) == ("active", "active", "good")
    assert active.desired == active.reported
    assert (shadow.slot, shadow.state, shadow.reported) == ("shadow", None, None)


def test_classes_without_a_name_get_a_number() -> None:
    assert present.class_names(("sit", "run"), 2) == ("sit", "run")
    assert present.class_names(("sit", "run"), 3) == ("class 0", "class 1", "class 2")


def test_a_step_explains_its_reason() -> None:
    event = EventRow(5, "k", NOW, "rejected", "too_slow", "212 ms", "active", A, 3)
    shown = step(event, Names([]))
    assert shown.why == "The model is slower than the device's limit"
    assert shown.label is not None
    assert shown.label.name is None
    strange = step(replace(event, reason="sunspots", state="hibernating", release=None), Names([]))
    assert (strange.reason, strange.why, strange.words, strange.label) == ("sunspots", None, "hibernating", None)


def test_a_release_is_found_by_its_document_and_by_its_model(room: Showroom) -> None:
    names = Names(room.registry.releases())
    assert names.label(room.best.release) == names.label(room.best.model)
    assert names.label(None) is None
    assert names.row(A) is None


def test_a_model_without_evidence_or_manifest_is_shown_all_the_same(room: Showroom) -> None:
    bare = catalogue.model_row(replace(room.best, evidence={"test": {"accuracy": "high"}}, card=None), None)
    assert (bare.held_out, bare.macs, bare.has_card) == (None, None, False)
    full = catalogue.model_row(room.best, None)
    assert full.held_out == evidence(0.928)


@pytest.mark.parametrize(
    ("state", "age_s", "unclaimed"), [("queued", 1, False), ("queued", 60, True), ("running", 60, False)]
)
def test_a_job_nobody_takes_is_told(state: str, age_s: float, unclaimed: bool) -> None:
    job = JobRow(1, "push", {"release": A, "to": "pi"}, "ada", state, 0, NOW - age_s, NOW, None, None, None)  # type: ignore[arg-type]
    assert catalogue.job_view(job, Names([]), NOW).unclaimed is unclaimed


def test_a_job_of_an_unknown_kind_is_shown_all_the_same() -> None:
    job = JobRow(1, "dream", {}, "ada", "failed", 1, NOW, NOW, None, "no such kind", None)
    view = catalogue.job_view(job, Names([]), NOW)
    assert (view.label, view.to, view.error) == (None, "", "no such kind")
    assert catalogue.concerning([view], frozenset(("pi",))) == ()
