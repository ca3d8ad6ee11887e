"""What the registry says about devices, as the values a page shows. Pure: rows and the time in, frozen views out.

Rules
1. A device's measured accuracy is that of the model it runs now, in its active slot.
2. What a device said is read as the protocol's message; what cannot be read counts as not said.
3. Class names come from the release's manifest; where it has none for a count, the class is shown by its number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

from factory.registry.rows import DeviceRow, EventRow, PointRow, TotalsRow
from factory.web.measure import Bin, Latency, Measured, latency, measured, per_second, pooled
from factory.web.naming import Label, Names
from factory.web.stuck import Advice, Situation, why_stuck
from factory.web.timeline import Step, step
from factory.web.words import tone
from protocol.messages import Birth, Message, Reported

SPARK_BINS = 14
CHART_BINS = 24

Presence = Literal["online", "offline", "never"]
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Running:
    """What a device has counted with the release it runs (rule 1)."""

    label: Label
    totals: TotalsRow | None
    points: Sequence[PointRow]


@dataclass(frozen=True)
class FleetRow:
    """One line of the fleet's table, and the head of a device's page."""

    name: str
    group: str
    presence: Presence
    last_seen: float | None
    model: Label | None
    measured: Measured
    trend: tuple[float, ...]
    latency: Latency | None
    per_second: float | None
    advice: Advice | None


@dataclass(frozen=True)
class SlotView:
    """One slot: what is wanted there and what the device says of it."""

    slot: str
    desired: Label | None
    reported: Label | None
    state: str | None
    tone: str
    progress: float
    since: float | None


@dataclass(frozen=True)
class Fact:
    """One thing a device says of itself."""

    name: str
    value: str


@dataclass(frozen=True)
class DeviceView:
    """Everything a device's page shows beyond its line in the fleet's table."""

    row: FleetRow
    enrolled: float
    slots: tuple[SlotView, ...]
    rev_desired: int | None
    rev_applied: int | None
    requested: float | None
    requested_by: str | None
    expires: float | None
    first_prediction: float | None
    facts: tuple[Fact, ...]
    course: tuple[Bin, ...]
    confusion: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]
    steps: tuple[Step, ...]


def running_release(device: DeviceRow, names: Names) -> str | None:
    """The digest of the release a device runs, by its own word (rule 2)."""
    reported = said(device.reported, Reported)
    label = names.label(reported.running) if reported else None
    return label.release if label else None


def fleet_row(device: DeviceRow, running: Running | None, now: float) -> FleetRow:
    """One line of the fleet's table."""
    totals = running.totals if running else None
    bins = pooled(running.points, SPARK_BINS) if running else []
    return FleetRow(
        name=device.name,
        group=device.group,
        presence=presence(device),
        last_seen=device.last_seen,
        model=running.label if running else None,
        measured=measured(totals.n, totals.n_labelled, totals.n_correct) if totals else measured(0, 0, 0),
        trend=tuple(each.accuracy for each in bins),
        latency=latency(totals.latency_us) if totals else None,
        per_second=per_second(totals.n, totals.wall_s) if totals else None,
        advice=why_stuck(_situation(device), now),
    )


def device_view(
    device: DeviceRow,
    running: Running | None,
    events: Sequence[EventRow],
    names: Names,
    classes: Sequence[str],
    now: float,
) -> DeviceView:
    """A device's page. `classes`: of the release it runs, empty where unknown."""
    desired, reported = device.desired, said(device.reported, Reported)
    confusion = running.totals.confusion if running and running.totals else ()
    return DeviceView(
        row=fleet_row(device, running, now),
        enrolled=device.enrolled,
        slots=slot_views(device, names),
        rev_desired=desired.rev if desired else None,
        rev_applied=reported.rev_applied if reported else None,
        requested=desired.requested if desired else None,
        requested_by=desired.by if desired else None,
        expires=desired.expires if desired else None,
        first_prediction=reported.first_prediction_ts if reported else None,
        facts=facts(said(device.birth, Birth)),
        course=tuple(pooled(running.points, CHART_BINS)) if running else (),
        confusion=confusion,
        classes=class_names(classes, len(confusion)),
        steps=tuple(step(event, names) for event in events),
    )


def presence(device: DeviceRow) -> Presence:
    """Whether a device is here, was here, or never came."""
    if device.last_seen is None:
        return "never"
    return "online" if device.online else "offline"


def slot_views(device: DeviceRow, names: Names) -> tuple[SlotView, ...]:
    """Every slot that something is wanted in or said of, active first."""
    wanted: Mapping[str, str] = device.desired.slots if device.desired else {}
    reported = said(device.reported, Reported)
    reports = {str(slot): report for slot, report in reported.slots.items()} if reported else {}
    views = []
    for slot in sorted(wanted.keys() | reports.keys()):
        report = reports.get(slot)
        views.append(
            SlotView(
                slot=slot,
                desired=names.label(wanted.get(slot)),
                reported=names.label(report.release) if report else None,
                state=report.state if report else None,
                tone=tone(report.state) if report else "busy",
                progress=report.progress if report else 0.0,
                since=report.since if report else None,
            )
        )
    return tuple(views)


def facts(birth: Birth | None) -> tuple[Fact, ...]:
    """What a device says of itself, in the order an operator asks."""
    if birth is None:
        return ()
    sensor = birth.sensor
    return (
        Fact("Sensor", f"{sensor.kind}, {len(sensor.channels)} channels at {sensor.rate_hz:g} Hz"),
        Fact("Channels", ", ".join(sensor.channels)),
        Fact("Agent", f"{birth.agent}, protocol root {birth.root_version}"),
        Fact("Runtime", f"onnxruntime {birth.onnxruntime}, opset up to {birth.max_opset}"),
        Fact("System", f"{birth.arch}, Python {birth.python}"),
        Fact("Memory", f"{birth.ram_mb} MB, {birth.disk_free_mb} MB of disk free"),
        Fact("Largest model", f"{birth.max_model_bytes / 1000:.0f} kB"),
    )


def class_names(known: Sequence[str], size: int) -> tuple[str, ...]:
    """A name for each of `size` classes (rule 3)."""
    return tuple(known) if len(known) == size else tuple(f"class {index}" for index in range(size))


def said(document: Mapping[str, object] | None, kind: type[M]) -> M | None:
    """What a device sent, as the protocol's message (rule 2)."""
    if document is None:
        return None
    known: dict[str, Any] = {key: value for key, value in document.items() if key != "extra"}
    try:
        return msgspec.convert(known, kind)
    except msgspec.ValidationError:
        return None


def _situation(device: DeviceRow) -> Situation:
    return Situation(device.online, device.last_seen, device.desired, said(device.reported, Reported))
