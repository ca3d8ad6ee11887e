"""The agent's configuration (TOML) and every limit it keeps, each with its unit.

Rules
1. An unknown key is refused, and the nearest known one is named.
2. A relative path is relative to the file it stands in.
3. The `[sensor]` table belongs to the sensor's own module; here only its `kind` is read.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from edge_agent.errors import BadConfig

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """What the agent allows, and how long it waits."""

    max_model_bytes: int = 4_000_000
    max_latency_us: float = 100_000.0  # median time of one window in the self-test
    max_classes: int = 100  # so that a full confusion matrix fits a packet
    runner_extra_bytes: int = 512 * 1024 * 1024  # address space of the child process beyond what it starts with
    runner_cpu_s: int = 60  # processor time of the child process for one request
    start_timeout_s: float = 60.0  # until the child process has loaded a model
    run_timeout_s: float = 30.0  # until the child process has answered a batch of windows
    max_crashes: int = 3  # of the child process in a row, then the release is rolled back
    min_free_bytes: int = 20_000_000  # of disk, beyond what a release needs
    download_timeout_s: float = 3_600.0  # for all the files of a release
    stage_timeout_s: float = 120.0
    activate_timeout_s: float = 60.0
    request_timeout_s: float = 2.0  # until pieces that were asked for are asked for again; doubles up to ten times this
    stall_timeout_s: float = 300.0  # connected, without any new piece
    receipt_timeout_s: float = 20.0  # until messages without a receipt are sent again
    max_outbox_rows: int = 5_000  # of each kind; older metrics are merged, older job events dropped
    max_predictions: int = 20_000  # waiting for a label, per release and slot
    max_labels: int = 20_000  # kept for windows that are still to come


@dataclass(frozen=True)
class ReportSettings:
    """How often the agent saves its counts and tells them."""

    every_s: float = 1.0


@dataclass(frozen=True)
class BrokerSettings:
    """Overrides of what came with the enrolment."""

    url: str = ""


@dataclass(frozen=True)
class Config:
    """What a person has set for this device."""

    home: Path
    folder: Path  # of the configuration file
    sensor: Mapping[str, object]
    limits: Limits = field(default_factory=Limits)
    report: ReportSettings = field(default_factory=ReportSettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)


@dataclass(frozen=True)
class _AgentTable:
    home: str


STARTER = """\
# The configuration of one edge agent. Every key is described in docs/operating.md.
[agent]
home = {home}      # identity, trusted keys, models and counts live here

[sensor]
kind = "replay"
file = "recordings.npz"      # X [samples, channels], rec_ptr, rec_ids, rec_t0, channels, rate_hz
speed = 1.0                  # 1: as fast as it was recorded; 0: as fast as it goes

[limits]
max_model_bytes = 4000000
max_latency_us = 100000

[report]
every_s = 1.0
"""


def load(path: Path) -> Config:
    """The configuration in a TOML file.

    Raises:
        BadConfig: it cannot be read, or a key is unknown, missing or of the wrong type.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig(
            str(path), f"cannot be read: {error.strerror}", "Name a TOML file, see `edge-agent --help`"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(str(path), f"is not TOML: {error}", "Correct that line") from error
    check_keys(document, ("agent", "sensor", "limits", "report", "broker"), str(path))
    agent = fill(_AgentTable, _table(document, "agent"), "agent")
    folder = path.absolute().parent
    return Config(
        home=folder / agent.home,
        folder=folder,
        sensor=_table(document, "sensor"),
        limits=_positive(fill(Limits, _table(document, "limits"), "limits"), "limits"),
        report=_positive(fill(ReportSettings, _table(document, "report"), "report"), "report"),
        broker=fill(BrokerSettings, _table(document, "broker"), "broker"),
    )


def fill(kind: type[T], table: Mapping[str, object], where: str) -> T:
    """A frozen dataclass from a table: keys known (rule 1), types right, what has no default present.

    Raises:
        BadConfig: naming the field.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    check_keys(table, fields, where)
    missing = [name for name, one in fields.items() if name not in table and _required(one)]
    if missing:
        raise BadConfig(f"{where}.{missing[0]}", "is missing", f"Add it to the [{where}] table")
    values = {name: _convert(value, hints[name], f"{where}.{name}") for name, value in table.items()}
    return kind(**values)


def check_keys(table: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Refuse what is not known (rule 1).

    Raises:
        BadConfig: naming the nearest known key.
    """
    known = list(known)
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            cure = f"Did you mean {near[0]}" if near else f"Known keys: {', '.join(known)}"
            raise BadConfig(f"{where}.{key}", "is not a known key", cure)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, object]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise BadConfig(name, f"{table!r} is not a table", f"Write [{name}] on a line of its own")
    return table


def _required(one: "dataclasses.Field[object]") -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def _convert(value: object, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadConfig(where, f"{value!r} does not fit: {error}", "Correct the value") from error


def _positive(table: T, where: str) -> T:
    for name, value in vars(table).items():
        if value <= 0:
            raise BadConfig(f"{where}.{name}", f"{value!r} is not above zero", "Set a positive number")
    return table
