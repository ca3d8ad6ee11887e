"""What the registry says about models and jobs, as the values a page shows. Pure.

Rules
1. The held-out accuracy is that of the part "test", which no search has seen.
2. Facts of a model come from its manifest: it is what was signed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from factory.artifacts import Evidence
from factory.registry.rows import JobRow, ReleaseRow
from factory.web.naming import Label, Names
from protocol.manifest import Manifest

HELD_OUT = "test"
WAITING_S = 10.0  # a queued job that nobody has taken by then is not going to be taken


@dataclass(frozen=True)
class Facts:
    """What a manifest says of its model (rule 2), without the golden vectors."""

    classes: tuple[str, ...]
    channels: tuple[str, ...]
    units: tuple[str, ...]
    rate_hz: float
    window: int
    hop: int
    macs: int
    parameters: int
    peak_activation_bytes: int
    latency_us_p50: float
    opset: int
    operators: tuple[str, ...]
    data_digest: str


@dataclass(frozen=True)
class ModelRow:
    """One line of the models' table, and the head of a model's page."""

    release: str
    model: str
    name: str
    task: str
    precision: str
    length: int
    created: float
    study: str
    has_card: bool
    held_out: Evidence | None
    macs: int | None
    latency_us_p50: float | None


@dataclass(frozen=True)
class JobView:
    """One piece of work, in words."""

    id: int
    kind: str
    state: str
    label: Label | None
    to: str
    slot: str
    by: str
    attempts: int
    created: float
    updated: float
    error: str | None
    unclaimed: bool  # nobody has taken it, though somebody should have


def facts(manifest: Manifest) -> Facts:
    """The facts of a manifest."""
    model = manifest.model
    return Facts(
        classes=manifest.classes,
        channels=manifest.channels,
        units=manifest.units,
        rate_hz=manifest.rate_hz,
        window=manifest.window,
        hop=manifest.hop,
        macs=model.macs,
        parameters=model.parameters,
        peak_activation_bytes=model.peak_activation_bytes,
        latency_us_p50=model.latency_us_p50,
        opset=model.opset,
        operators=model.operators,
        data_digest=manifest.data_digest,
    )


def model_row(row: ReleaseRow, known: Facts | None) -> ModelRow:
    """One line of the models' table. `known`: None where the manifest is not at hand."""
    return ModelRow(
        release=row.release,
        model=row.model,
        name=row.name,
        task=row.task,
        precision=row.precision,
        length=row.model_length,
        created=row.created,
        study=row.study,
        has_card=row.card is not None,
        held_out=evidence(row.evidence, HELD_OUT),
        macs=known.macs if known else None,
        latency_us_p50=known.latency_us_p50 if known else None,
    )


def evidence(parts: Mapping[str, object], part: str) -> Evidence | None:
    """What was measured on one part of the data; None where nothing was."""
    try:
        return msgspec.convert(parts.get(part), Evidence)
    except msgspec.ValidationError:
        return None


def job_view(job: JobRow, names: Names, now: float) -> JobView:
    """One piece of work, in words."""
    release = job.payload.get("release")
    return JobView(
        id=job.id,
        kind=job.kind,
        state=job.state,
        label=names.label(str(release)) if release else None,
        to=str(job.payload.get("to", "")),
        slot=str(job.payload.get("slot", "")),
        by=job.by,
        attempts=job.attempts,
        created=job.created,
        updated=job.updated,
        error=job.error,
        unclaimed=job.state == "queued" and now - job.created > WAITING_S,
    )


def concerning(jobs: Sequence[JobView], targets: frozenset[str]) -> tuple[JobView, ...]:
    """The jobs that are about one of these devices or groups."""
    return tuple(job for job in jobs if job.to in targets)
