"""Every message of the wire, as frozen values. `codec` turns them into bytes and back.

Rules
1. Times are Unix seconds (UTC) by the sender's clock. Durations are in the unit their name ends with.
2. A field the receiver does not know is kept in `extra` and sent on, so an old agent outlives a new factory.
3. Counts are increments since the sender's previous message of that kind: adding them up in any order gives the total.
4. Text is for people, on a page and in a log: no control character, no line break, nothing that turns the direction of
   writing around. `one_line` makes any text fit.
"""

import math
import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

MAX_TEXT = 500  # characters
MAX_IDENTIFIER = 120  # characters
# C0 and C1 controls, line and paragraph separators, direction overrides, halves of surrogate pairs.
_UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_PRINTABLE = rf"\A[^{_UNPRINTABLE}]*\Z"

Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Text = Annotated[str, Meta(max_length=MAX_TEXT, pattern=_PRINTABLE)]
Identifier = Annotated[str, Meta(min_length=1, max_length=MAX_IDENTIFIER, pattern=_PRINTABLE)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Time = Annotated[float, Meta(ge=0, lt=1e11)]  # Unix seconds, up to the year 5138: every calendar can show it
Seconds = Annotated[float, Meta(ge=0, lt=1e11)]
Rate = Annotated[float, Meta(gt=0, le=1e6)]  # samples per second
Bucket = Annotated[str, Meta(pattern=r"\A(0|[1-9][0-9]{0,2})\Z")]
Slot = Literal["active", "shadow"]


class Reason(StrEnum):
    """Why a device refused, failed or went back. Each is described in docs/protocol.md."""

    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    WRONG_KEY = "wrong_key"
    EXPIRED = "expired"
    REPLAYED = "replayed"
    OTHER_DEVICE = "other_device"
    WRONG_LENGTH = "wrong_length"
    WRONG_DIGEST = "wrong_digest"
    TOO_LARGE = "too_large"
    RUNTIME_TOO_OLD = "runtime_too_old"
    OPERATOR_NOT_ALLOWED = "operator_not_allowed"
    EXTERNAL_DATA = "external_data"
    SENSOR_MISMATCH = "sensor_mismatch"
    GOLDEN_MISMATCH = "golden_mismatch"
    TOO_SLOW = "too_slow"
    RUNNER_FAILED = "runner_failed"
    QUARANTINED = "quarantined"
    TIMED_OUT = "timed_out"
    DISK_FULL = "disk_full"


class State(StrEnum):
    """Where a release is on its way into a slot. Each is described in docs/protocol.md."""

    ACCEPTED = "accepted"
    DOWNLOADING = "downloading"
    VERIFIED = "verified"
    STAGED = "staged"
    ACTIVE = "active"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    REJECTED = "rejected"


class Message(Struct, frozen=True, kw_only=True):
    """Root of every message: what is not known to this version stays in `extra` (rule 2)."""

    extra: dict[str, Any] = field(default_factory=dict)


class Status(Message, frozen=True, kw_only=True):
    """Retained on `status`, and the last will. The will carries its own session's epoch, so a late one is ignored."""

    online: bool
    epoch: Identifier
    ts: Time


class SensorInfo(Struct, frozen=True, kw_only=True):
    """What a device can feed to a model."""

    kind: Identifier
    channels: tuple[Identifier, ...]
    rate_hz: Rate


class Birth(Message, frozen=True, kw_only=True):
    """Retained on `birth` after each connect: what this device is and can do."""

    epoch: Identifier
    ts: Time
    agent: Identifier
    onnxruntime: Identifier
    max_opset: Count
    max_ir: Count
    arch: Identifier
    python: Identifier
    ram_mb: Count
    disk_free_mb: Count
    max_model_bytes: Count
    root_version: Count
    sensor: SensorInfo


class SlotReport(Struct, frozen=True, kw_only=True):
    """What one slot holds or is being given. `release` is the digest of the release document."""

    release: Sha256
    state: State
    since: Time
    model: Sha256 | None = None
    progress: Annotated[float, Meta(ge=0, le=1)] = 0.0
    reason: Reason | None = None
    text: Text = ""


class Reported(Message, frozen=True, kw_only=True):
    """Retained on `reported`: the device's whole state, sent on each change and each connect."""

    ts: Time
    rev_seen: Count
    rev_applied: Count
    running: Sha256 | None = None
    previous: Sha256 | None = None
    slots: dict[Slot, SlotReport] = field(default_factory=dict)
    first_prediction_ts: Time | None = None


class JobEvent(Message, frozen=True, kw_only=True):
    """On `job`: a step of a release into a slot, the timeline an operator reads. `outbox` and `seq` as in `Metrics`."""

    outbox: Identifier
    seq: Count
    ts: Time
    rev: Count
    slot: Slot
    release: Sha256
    state: State
    reason: Reason | None = None
    text: Text = ""


class BlobRequest(Message, frozen=True, kw_only=True):
    """On `blob/get`: the pieces of one blob that this device lacks. `missing` is a bitmap (see `chunks`), at most
    `window` pieces are sent for one request."""

    sha256: Sha256
    length: Count
    missing: Annotated[str, Meta(max_length=32_768)]
    window: Annotated[int, Meta(ge=1, le=64)] = 4


class Metrics(Message, frozen=True, kw_only=True):
    """On `m`: what one release did since the device's last message of this kind (rule 3).

    `predicted[j]` counts windows predicted as class j; it is empty, or adds up to `n`. `confusion[i][j]` counts windows
    of label i predicted as class j; it is empty, or square over the same classes and adds up to `n_labelled`.
    `latency_us` counts windows per latency bucket (see `latency_bucket`). `outbox` and `seq` make it exactly-once: the
    factory adds each pair up once and answers it with a `Receipt`.

    Raises:
        ValueError: counts that contradict each other.
    """

    outbox: Identifier
    seq: Count
    slot: Slot
    release: Sha256
    t0: Time
    t1: Time
    n: Count
    n_labelled: Count
    predicted: tuple[Count, ...]
    confusion: tuple[tuple[Count, ...], ...]
    latency_us: dict[Bucket, Count]
    busy_s: Seconds
    wall_s: Seconds

    def __post_init__(self) -> None:
        classes = len(self.predicted)
        if self.predicted and sum(self.predicted) != self.n:
            raise ValueError(f"predicted adds up to {sum(self.predicted)}, n is {self.n}")
        if self.confusion and [len(row) for row in self.confusion] != [classes] * classes:
            raise ValueError(f"confusion is not {classes} x {classes}, as predicted has it")
        if self.confusion and sum(map(sum, self.confusion)) != self.n_labelled:
            raise ValueError(f"confusion adds up to {sum(map(sum, self.confusion))}, n_labelled is {self.n_labelled}")


class Receipt(Message, frozen=True, kw_only=True):
    """On `receipt`: the factory has stored these messages of an outbox; the device may forget them."""

    outbox: Identifier
    seqs: Annotated[tuple[Count, ...], Meta(max_length=1000)]


class Label(Message, frozen=True, kw_only=True):
    """On `label`: ground truth, for one inference or for an interval of the sensor's clock; late and repeated is fine.

    A window takes the label of an interval that covers it wholly. Of two labels for one window the later `t` wins.

    Raises:
        ValueError: it names neither an inference nor an interval, or half of an interval.
    """

    label_id: Identifier
    y: Identifier
    source: Identifier
    t: Time
    inference_id: Identifier | None = None
    t0: Time | None = None
    t1: Time | None = None

    def __post_init__(self) -> None:
        if (self.t0 is None) != (self.t1 is None):
            raise ValueError("an interval needs both t0 and t1")
        if self.t0 is None and self.inference_id is None:
            raise ValueError("a label needs inference_id, or t0 and t1")
        if self.t0 is not None and self.t1 is not None and self.t1 <= self.t0:
            raise ValueError("t1 is not after t0")


class LabelReceipt(Message, frozen=True, kw_only=True):
    """On `label/receipt`: the device has stored these labels; the factory stops sending them."""

    label_ids: Annotated[tuple[Identifier, ...], Meta(max_length=1000)]


def one_line(text: str) -> str:
    """Any text as `Text` takes it: what cannot be printed becomes a space, and it ends after `MAX_TEXT` characters."""
    return re.sub(f"[{_UNPRINTABLE}]+", " ", text)[:MAX_TEXT]


def latency_bucket(microseconds: float) -> str:
    """The bucket of a latency: 20 to a decade, numbered from 1 us, so quantiles of merged counts are within 12 %."""
    return str(max(0, math.floor(20 * math.log10(max(microseconds, 1.0)))))


def latency_quantile(buckets: dict[str, int], q: float) -> float:
    """The latency in microseconds below which a share `q` of the counted windows lies; NaN where there are none."""
    total, seen = sum(buckets.values()), 0
    for bucket in sorted(buckets, key=int):
        seen += buckets[bucket]
        if seen >= q * total > 0:
            return float(10 ** ((int(bucket) + 0.5) / 20))
    return math.nan
