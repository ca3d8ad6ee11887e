"""What travels beside a model: everything a device needs to feed it, check it and read its answer.

Rules
1. The manifest is the one byte form of itself (`codec.canonical`), so its digest is well defined.
2. Golden vectors are real windows in raw units with the answers the factory measured; a device activates a model only
   after it has reproduced them to within `tolerance`. Both are float32, little endian, base64. A window may hold NaN (a
   missing sample); an answer is finite, or no comparison with it would mean anything.
3. As many golden vectors travel as fit `MAX_MANIFEST_BYTES`, at least one.
4. Every channel has one unit. Classes and channels have different names; a classification has at least two classes.
5. An anomaly task has two classes, first what is normal. Its answer is read like that of a classification, one number a
   class; a second output of the graph, `score`, is for those who want the number behind it.
"""

import base64
import binascii
import math
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct, field

from protocol import codec
from protocol.errors import Malformed
from protocol.messages import Count, Identifier, Message, Rate, Sha256, Text, Time

MAX_MANIFEST_BYTES = 8 * 1024 * 1024
INPUT_NAME = "window"
OUTPUT_NAMES = {"classification": "probabilities", "anomaly": "probabilities", "regression": "value"}

_FEWEST_CLASSES = 2

Float32 = npt.NDArray[np.float32]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
Size = Annotated[int, Meta(ge=1, le=10**9)]


class Golden(Struct, frozen=True, kw_only=True):
    """Input windows [n, time, channels], the answers to them [n, outputs], how far a device may be off (rule 2)."""

    n: Size
    windows: str
    answers: str
    tolerance: Positive


class ModelFacts(Struct, frozen=True, kw_only=True):
    """The ONNX file this manifest is about."""

    sha256: Sha256
    length: Size
    precision: Literal["fp32", "int8"]
    opset: Size
    ir: Size
    operators: tuple[Identifier, ...]
    parameters: Count
    macs: Count
    peak_activation_bytes: Count
    latency_us_p50: Positive


class Manifest(Message, frozen=True, kw_only=True):
    """See the head of this file. `evidence` holds what the factory measured, for people; no device decides by it.

    Raises:
        ValueError: rule 4 or 5 does not hold.
    """

    name: Identifier
    task: Literal["classification", "anomaly", "regression"]
    classes: tuple[Identifier, ...]
    channels: tuple[Identifier, ...]
    units: tuple[Text, ...]
    rate_hz: Rate
    window: Size
    hop: Size
    data_digest: Sha256
    created: Time
    model: ModelFacts
    golden: Golden
    evidence: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.channels or len(self.units) != len(self.channels):
            raise ValueError(f"{len(self.channels)} channels with {len(self.units)} units")
        for names in (self.channels, self.classes):
            if len(set(names)) != len(names):
                raise ValueError(f"{names} names one thing twice")
        if self.task == "classification" and len(self.classes) < _FEWEST_CLASSES:
            raise ValueError(f"a classification needs two classes or more, not {self.classes}")
        if self.task == "anomaly" and len(self.classes) != _FEWEST_CLASSES:
            raise ValueError(f"an anomaly task needs two classes, first what is normal, not {self.classes}")

    @property
    def answered(self) -> tuple[str, ...]:
        """The classes that an answer has a number for each; none where it is a single value."""
        return () if self.task == "regression" else self.classes


def encode(manifest: Manifest) -> bytes:
    """The one byte form of a manifest (rule 1).

    Raises:
        Malformed: `decode` would not take it: too large, or golden vectors of another size than declared.
    """
    payload = codec.encode(manifest, MAX_MANIFEST_BYTES)
    golden_vectors(manifest)
    return payload


def decode(payload: bytes) -> Manifest:
    """The manifest in `payload`, with its golden vectors' sizes checked.

    Raises:
        Malformed: too large, or not a manifest; the text names the field.
    """
    manifest = codec.decode(payload, Manifest, MAX_MANIFEST_BYTES)
    golden_vectors(manifest)
    return manifest


def pack(values: npt.NDArray[Any]) -> str:
    """An array as text: float32, little endian, base64 (rule 2)."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def golden_vectors(manifest: Manifest) -> tuple[Float32, Float32]:
    """Golden windows [n, time, channels] and answers [n, outputs].

    Raises:
        Malformed: the text is not base64, of another size than the manifest says, or an answer is not finite (rule 2).
    """
    golden = manifest.golden
    outputs = len(manifest.answered) or 1
    windows = _unpack(golden.windows, (golden.n, manifest.window, len(manifest.channels)), "windows")
    answers = _unpack(golden.answers, (golden.n, outputs), "answers")
    if not np.isfinite(answers).all():
        raise Malformed("manifest: golden.answers holds a number that is not finite")
    return windows, answers


def _unpack(text: str, shape: tuple[int, ...], name: str) -> Float32:
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"manifest: golden.{name} is not float32 in base64: {error}") from error
    if values.size != math.prod(shape):
        raise Malformed(f"manifest: golden.{name} holds {values.size} numbers where {shape} are declared")
    return values.reshape(shape).astype(np.float32, copy=False)
