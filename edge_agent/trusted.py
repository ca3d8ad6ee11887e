"""What this device believes and accepts: a desired document, a release document, a manifest. Pure: bytes in, a
decision out.

Rules
1. A desired document counts when it is signed, for this device, not older than the last one seen, and not expired.
2. The very document that was seen last is no news, and no offence either.
3. A release counts when it is signed by the release key and is the one that was wanted.
4. A manifest must be about the model its release binds, must fit this device's limits and runtime, and must ask for
   the very channels, in their order and at their rate, that the sensor gives: a model fed with anything else answers
   nonsense.
"""

from dataclasses import dataclass
from datetime import datetime

from edge_agent.config import Limits
from edge_agent.errors import Refused
from protocol import manifest as manifests
from protocol import trust
from protocol.chunks import digest
from protocol.errors import Malformed, Untrusted
from protocol.manifest import Manifest
from protocol.messages import Reason, SensorInfo
from protocol.trust import Desired, FileRef, ReleaseFiles, Root, Seen

RATE_TOLERANCE = 0.01  # share by which a sensor's rate may differ from the model's


@dataclass(frozen=True)
class Device:
    """What a release must fit."""

    limits: Limits
    max_opset: int
    max_ir: int
    onnxruntime: str
    sensor: SensorInfo


@dataclass(frozen=True)
class Accepted:
    """A new target."""

    desired: Desired


@dataclass(frozen=True)
class Unchanged:
    """The document that was seen last (rule 2)."""


@dataclass(frozen=True)
class Ignored:
    """A document that changes nothing; `desired` is known where only its time has run out."""

    reason: Reason
    text: str
    document_sha256: str
    desired: Desired | None = None


Decision = Accepted | Unchanged | Ignored


def judge(root: Root, document: bytes, addressee: tuple[str, str], seen: Seen, now: datetime) -> Decision:
    """What a desired document is worth to this device, `addressee` being its fleet and name (rules 1 and 2)."""
    sha256 = digest(document)
    try:
        desired = trust.verify_desired(root, document, *addressee, seen)
    except Untrusted as error:
        return Ignored(Reason(error.reason), str(error), sha256)
    if desired.rev == seen.rev:
        return Unchanged()
    if trust.expired(desired, now):
        return Ignored(
            Reason.EXPIRED, f"revision {desired.rev} expired on {desired.expires:%Y-%m-%d %H:%M} UTC", sha256, desired
        )
    return Accepted(desired)


def check_release(root: Root, document: bytes, wanted: FileRef) -> ReleaseFiles:
    """What the wanted release binds (rule 3).

    Raises:
        Refused: with the reason.
    """
    try:
        trust.check_blob(document, wanted)
        return trust.verify_release(root, document)
    except Untrusted as error:
        raise Refused(error.reason, str(error)) from error


def check_manifest(payload: bytes, files: ReleaseFiles, device: Device) -> Manifest:
    """The manifest of a release, where this device can run it (rule 4).

    Raises:
        Refused: with the reason.
    """
    try:
        manifest = manifests.decode(payload)
    except Malformed as error:
        raise Refused(Reason.MALFORMED, str(error)) from error
    model = manifest.model
    if (model.sha256, model.length) != (files.model.sha256, files.model.length):
        raise Refused(Reason.WRONG_DIGEST, "the manifest is about another model than the release binds")
    check_size(files, device.limits)
    if len(manifest.classes) > device.limits.max_classes:
        raise Refused(
            Reason.TOO_LARGE, f"{len(manifest.classes)} classes, {device.limits.max_classes} are allowed here"
        )
    if model.opset > device.max_opset or model.ir > device.max_ir:
        raise Refused(
            Reason.RUNTIME_TOO_OLD,
            f"opset {model.opset}, IR {model.ir}; this onnxruntime takes opset {device.max_opset}, IR {device.max_ir}",
        )
    _check_sensor(manifest, device.sensor)
    return manifest


def check_size(files: ReleaseFiles, limits: Limits) -> None:
    """Whether the files of a release are small enough to be fetched at all.

    Raises:
        Refused: too large.
    """
    if files.model.length > limits.max_model_bytes:
        raise Refused(
            Reason.TOO_LARGE, f"a model of {files.model.length} bytes, {limits.max_model_bytes} are allowed here"
        )
    if files.manifest.length > manifests.MAX_MANIFEST_BYTES:
        raise Refused(Reason.TOO_LARGE, f"a manifest of {files.manifest.length} bytes")


def _check_sensor(manifest: Manifest, sensor: SensorInfo) -> None:
    if manifest.channels != sensor.channels:
        needs, gives = ", ".join(manifest.channels), ", ".join(sensor.channels)
        raise Refused(Reason.SENSOR_MISMATCH, f"the model needs the channels {needs}; the sensor gives {gives}")
    if abs(manifest.rate_hz - sensor.rate_hz) > RATE_TOLERANCE * manifest.rate_hz:
        raise Refused(
            Reason.SENSOR_MISMATCH, f"the model needs {manifest.rate_hz:g} Hz; the sensor gives {sensor.rate_hz:g} Hz"
        )
