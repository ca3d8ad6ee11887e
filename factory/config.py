"""Where the factory keeps its things and whom it talks to: one frozen value, from `factory.toml` in its home folder.

    fleet = "plant-7"                        # names the fleet in every topic
    [broker]
    url = "embedded"                         # or mqtt://HOST:PORT, mqtts://HOST:PORT
    username = "factory"
    password_file = "broker.password"        # files are relative to the home folder
    ca = "ca.pem"
    certificate = "factory.pem"
    key = "factory.key"
    [database]
    url = "postgresql+psycopg://HOST/NAME"   # default: SQLite in the home folder
    [web]
    host = "127.0.0.1"
    port = 8080
    [build]
    cluster = "tcp://scheduler:8786"         # default: this machine's cores

Unknown keys are refused: a misspelt setting must not silently mean its default.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from factory.errors import BadInput
from protocol.topics import NAME_RULE, valid_name

CONFIG_NAME = "factory.toml"
EMBEDDED = "embedded"

T = TypeVar("T")


@dataclass(frozen=True)
class BrokerConfig:
    """How to reach the MQTT broker. `embedded`: start one on loopback, without passwords, for development."""

    url: str = EMBEDDED
    port: int = 1883  # of the embedded broker
    username: str | None = None
    password_file: str | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class DatabaseConfig:
    """The SQL index. None: SQLite in the home folder."""

    url: str | None = None


@dataclass(frozen=True)
class WebConfig:
    """Where the operator page listens."""

    host: str = "127.0.0.1"
    port: int = 8080


@dataclass(frozen=True)
class BuildConfig:
    """Where models are trained. None: on the cores of this machine; else by the workers of a Dask scheduler."""

    cluster: str | None = None


@dataclass(frozen=True)
class Limits:
    """How long the factory waits for a device, and for how long what it signs is valid."""

    push_timeout_s: float = 120.0  # from a push to its model running, for a device that is online
    desired_valid_days: int = 30  # after which a device takes no more changes from the document
    release_valid_days: int = 3650
    label_resend_s: float = 5.0
    job_lease_s: float = 30.0


@dataclass(frozen=True)
class FactoryConfig:
    """Everything above, and the home folder."""

    home: Path
    fleet: str = "cygnet"
    broker: BrokerConfig = field(default_factory=BrokerConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    web: WebConfig = field(default_factory=WebConfig)
    build: BuildConfig = field(default_factory=BuildConfig)
    limits: Limits = field(default_factory=Limits)


def load_config(home: Path) -> FactoryConfig:
    """The configuration in `home`, or the defaults where it holds none.

    Raises:
        BadInput: the file is not TOML, or a key or value is not one the factory knows.
    """
    path = home / CONFIG_NAME
    if not path.exists():
        return FactoryConfig(home)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"not TOML: {error}", "Correct that line") from error
    config = FactoryConfig(
        home,
        broker=_section(BrokerConfig, raw.pop("broker", {}), f"{path}: [broker]"),
        database=_section(DatabaseConfig, raw.pop("database", {}), f"{path}: [database]"),
        web=_section(WebConfig, raw.pop("web", {}), f"{path}: [web]"),
        build=_section(BuildConfig, raw.pop("build", {}), f"{path}: [build]"),
        limits=_section(Limits, raw.pop("limits", {}), f"{path}: [limits]"),
        fleet=_section(_Top, raw, str(path)).fleet,
    )
    _check(config, path)
    return config


@dataclass(frozen=True)
class _Top:
    fleet: str = "cygnet"


def _section(kind: type[T], raw: object, where: str) -> T:
    """A section as its frozen value; every key must be known and of the default's type."""
    if not isinstance(raw, Mapping):
        raise BadInput(where, f"{raw!r} is not a table", "Write the settings under a [section] line")
    known: dict[str, Any] = {entry.name: entry.type for entry in fields(kind)}  # type: ignore[arg-type]
    for key, value in raw.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            cure = f"Did you mean {near[0]}" if near else f"Known keys are {', '.join(known)}"
            raise BadInput(where, f"unknown key {key!r}", cure)
        if not isinstance(value, _accepted(known[key])) or isinstance(value, bool):
            raise BadInput(f"{where} {key}", f"{value!r} is not {known[key]}", "Correct the value")
    return kind(**raw)


def _accepted(annotation: object) -> tuple[type, ...]:
    """The TOML types a field takes."""
    return {int: (int,), float: (int, float)}.get(annotation, (str,))  # type: ignore[call-overload,no-any-return]


def _check(config: FactoryConfig, path: Path) -> None:
    if not valid_name(config.fleet):
        raise BadInput(f"{path}: fleet", f"{config.fleet!r} cannot name a fleet", f"Use {NAME_RULE}")
    url = config.broker.url
    if url != EMBEDDED and (urlsplit(url).scheme not in {"mqtt", "mqtts"} or not urlsplit(url).hostname):
        raise BadInput(
            f"{path}: broker.url", f"{url!r} is no broker", 'Use "embedded", mqtt://HOST:PORT or mqtts://HOST:PORT'
        )
