"""What the registry gives back and takes in: frozen rows that know nothing of a database.

Times are Unix seconds (UTC). Mappings hold only what JSON can hold; tuples in them come back as lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

JobState = Literal["queued", "running", "done", "failed"]
Role = Literal["viewer", "operator", "admin"]


@dataclass(frozen=True)
class StudyRow:
    """One search, named by a key that its data, task and budget decide, so that a killed one is found again."""

    key: str
    name: str
    spec: Mapping[str, object]
    created: float


@dataclass(frozen=True)
class ReleaseRow:
    """A signed model. `release`, `manifest`, `model` and `card` are SHA-256 digests of blobs; lengths are in bytes."""

    release: str
    release_length: int
    manifest: str
    manifest_length: int
    model: str
    model_length: int
    name: str
    task: str
    precision: str
    created: float
    evidence: Mapping[str, object]
    card: str | None
    study: str


@dataclass(frozen=True)
class DesiredRow:
    """The signed document that says what one device should hold."""

    rev: int
    document: bytes
    document_sha256: str
    slots: Mapping[str, str]  # slot -> release
    expires: float
    requested: float
    by: str


@dataclass(frozen=True)
class DeviceRow:
    """One enrolled device, with the last it said of itself and the last that was wanted of it."""

    name: str
    group: str
    enrolled: float
    online: bool
    epoch: str
    last_seen: float | None
    birth: Mapping[str, object] | None
    reported: Mapping[str, object] | None
    desired: DesiredRow | None


@dataclass(frozen=True)
class JobRow:
    """A piece of work that outlives the process that does it."""

    id: int
    kind: str
    payload: Mapping[str, object]
    by: str
    state: JobState
    attempts: int
    created: float
    updated: float
    lease_until: float | None
    error: str | None
    result: Mapping[str, object] | None


@dataclass(frozen=True)
class EventRow:
    """One line of a device's timeline. The registry gives `id` and `device`; what a caller sets there is ignored."""

    id: int
    key: str  # unique for a device: the same event told twice is one
    ts: float
    state: str
    reason: str | None = None
    text: str = ""
    slot: str | None = None
    release: str | None = None
    rev: int | None = None
    device: str = ""


@dataclass(frozen=True)
class TotalsRow:
    """Everything a device has counted for one release in one slot."""

    slot: str
    release: str
    n: int
    n_labelled: int
    confusion: tuple[tuple[int, ...], ...]  # [label][prediction]
    predicted: tuple[int, ...]  # by class
    latency_us: Mapping[str, int]  # windows by `protocol.messages.latency_bucket`
    busy_s: float
    wall_s: float
    t0: float
    t1: float

    @property
    def n_correct(self) -> int:
        """Labelled windows whose prediction was their label."""
        return sum(row[i] for i, row in enumerate(self.confusion))

    @property
    def accuracy(self) -> float | None:
        """Share of labelled windows that were predicted right; None where nothing is labelled."""
        return self.n_correct / self.n_labelled if self.n_labelled else None


@dataclass(frozen=True)
class PointRow:
    """One message of counts, for a curve over time. `t` is the end of the time it covers, by the device's clock."""

    t: float
    n: int
    n_labelled: int
    n_correct: int


@dataclass(frozen=True)
class UserRow:
    """A person who may sign in."""

    name: str
    role: Role
    created: float
