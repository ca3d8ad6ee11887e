"""From a compiled model to a release: the manifest a device needs, the signature, the registry's row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from factory.artifacts import Compiled, Evidence, Float32, Task
from factory.registry import Registry
from factory.registry.rows import ReleaseRow
from factory.release.signing import Keyring
from protocol import chunks
from protocol.manifest import Golden, Manifest, ModelFacts, pack
from protocol.manifest import encode as encode_manifest

GOLDEN_MAX_WINDOWS = 4
GOLDEN_MAX_BYTES = 40_000  # of raw float32, so that a usual manifest still travels as one message
# Runtimes for other processors order float sums otherwise; an int8 step may then fall on the other side of a rounding.
GOLDEN_TOLERANCE = {"fp32": 1e-3, "int8": 5e-2}


@dataclass(frozen=True)
class ReleaseRequest:
    """What `publish` is to make a release of. `card` is the model card's HTML, `study` the search it came from,
    `evidence` what examinations have shown, by part, with `test` among them."""

    name: str
    task: Task
    data_digest: str
    compiled: Compiled
    evidence: Mapping[str, Evidence]
    golden_windows: Float32  # (n, time, channels), raw units
    golden_answers: Float32  # (n, classes), of this model
    card: str
    study: str


def manifest_of(request: ReleaseRequest, created: float) -> Manifest:
    """The manifest of a model (`protocol.manifest`)."""
    task, compiled = request.task, request.compiled
    return Manifest(
        name=request.name,
        task=task.kind,
        classes=task.classes,
        channels=task.channels,
        units=task.units,
        rate_hz=task.rate_hz,
        window=task.window,
        hop=task.hop,
        data_digest=request.data_digest,
        created=created,
        model=ModelFacts(
            sha256=chunks.digest(compiled.onnx),
            length=len(compiled.onnx),
            precision=compiled.precision,
            opset=compiled.opset,
            ir=compiled.ir,
            operators=compiled.operators,
            parameters=compiled.footprint.parameters,
            macs=compiled.footprint.macs,
            peak_activation_bytes=compiled.footprint.peak_activation_bytes,
            latency_us_p50=request.evidence["test"].latency.p50_us,
        ),
        golden=_golden(request),
        evidence={part: asdict(evidence) for part, evidence in request.evidence.items()},
    )


def publish(
    registry: Registry, keyring: Keyring, request: ReleaseRequest, now: datetime, valid_days: int
) -> ReleaseRow:
    """Sign a model and put it in the registry; nothing is visible there before all of its files are."""
    model = request.compiled.onnx
    manifest = encode_manifest(manifest_of(request, now.timestamp()))
    document = keyring.sign_release(manifest, model, now.astimezone(UTC) + timedelta(days=valid_days))
    blobs = registry.blobs
    row = ReleaseRow(
        release=blobs.put(document),
        release_length=len(document),
        manifest=blobs.put(manifest),
        manifest_length=len(manifest),
        model=blobs.put(model),
        model_length=len(model),
        name=request.name,
        task=request.task.kind,
        precision=request.compiled.precision,
        created=now.timestamp(),
        evidence={part: asdict(evidence) for part, evidence in request.evidence.items()},
        card=blobs.put(request.card.encode()),
        study=request.study,
    )
    registry.add_release(row)
    return registry.release(row.release)


def _golden(request: ReleaseRequest) -> Golden:
    """As many golden vectors as fit, at least one."""
    windows, answers = request.golden_windows, request.golden_answers
    bytes_each = int(np.prod(windows.shape[1:])) * windows.itemsize
    n = max(1, min(len(windows), GOLDEN_MAX_WINDOWS, GOLDEN_MAX_BYTES // bytes_each))
    return Golden(
        n=n,
        windows=pack(windows[:n]),
        answers=pack(answers[:n]),
        tolerance=GOLDEN_TOLERANCE[request.compiled.precision],
    )
