"""Who this device is and whom it trusts: what an enrolment bundle brings, and where it lies in the agent's home.

Rules
1. Files that hold secrets are readable by their owner alone.
2. A home belongs to one device: enrolling it as another is refused.
3. The keys of a device never go back: a Root older than the one at hand is refused.
"""

import ssl
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field

from edge_agent.blobs import write_atomic
from edge_agent.config import STARTER
from edge_agent.errors import BadConfig
from protocol import codec, trust
from protocol.errors import Malformed, Untrusted
from protocol.topics import NAME_RULE, valid_name
from protocol.trust import Root

MAX_BUNDLE_BYTES = 256 * 1024
PEM_FILES = {"ca": "ca.pem", "certificate": "certificate.pem", "key": "key.pem"}
ENROL = "Run `edge-agent enrol BUNDLE.json --home DIR` with the file that `factory enrol` wrote"


class Access(Struct, frozen=True, omit_defaults=True):
    """How to reach the broker; PEM texts in the bundle, nothing of them in `identity.json`."""

    url: str
    username: str | None = None
    password: str | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class Bundle(Struct, frozen=True):
    """What `factory enrol` writes."""

    format: Annotated[int, Meta(ge=1, le=1)]
    fleet: str
    device: str
    broker: Access
    root: dict[str, Any] = field(default_factory=dict)


class Identity(Struct, frozen=True):
    """Who this device is; what `identity.json` holds."""

    fleet: str
    device: str
    broker: Access


def install(bundle_path: Path, home: Path, config_path: Path) -> Identity:
    """Make `home` the home of the device a bundle is for, and write a starter configuration where there is none.

    Raises:
        BadConfig: the bundle is not usable, or the home belongs to another device.
    """
    bundle = _read(bundle_path, Bundle, "Name the file that `factory enrol` wrote")
    check_url(bundle.broker.url, str(bundle_path))
    if not (valid_name(bundle.fleet) and valid_name(bundle.device)):
        raise BadConfig(str(bundle_path), f"{bundle.fleet!r}, {bundle.device!r} are no names", f"Use {NAME_RULE}")
    root_document = codec.canonical(bundle.root)
    root = _pinned(root_document, str(bundle_path))
    try:
        _check_home(home, bundle, root)
        return _write(bundle, root_document, home, config_path)
    except OSError as error:
        raise BadConfig(
            "--home", f"{error.filename} cannot be written: {error.strerror}", "Choose a folder you own"
        ) from error


def identity(home: Path) -> Identity:
    """Who this device is.

    Raises:
        BadConfig: it has not been enrolled.
    """
    return _read(home / "identity.json", Identity, ENROL)


def root(home: Path) -> Root:
    """Whom this device trusts.

    Raises:
        BadConfig: it has not been enrolled, or the file has been tampered with.
    """
    path = home / "root.json"
    try:
        return _pinned(path.read_bytes(), str(path))
    except OSError as error:
        raise BadConfig(str(path), f"cannot be read: {error.strerror}", ENROL) from error


def check_url(url: str, where: str) -> tuple[str, int, bool]:
    """Host, port, and whether the connection is encrypted.

    Raises:
        BadConfig: it is no MQTT URL.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1:
        raise BadConfig(where, f"{url!r} is no broker", "Write mqtt://HOST:PORT or mqtts://HOST:PORT")
    encrypted = parts.scheme == "mqtts"
    return parts.hostname, port or (8883 if encrypted else 1883), encrypted


def tls_context(home: Path) -> ssl.SSLContext:
    """What the device checks the broker by, and shows of itself.

    Raises:
        BadConfig: a PEM file is not usable.
    """
    ca, certificate, key = (home / name if (home / name).exists() else None for name in PEM_FILES.values())
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BadConfig(str(home), f"its PEM files are not usable: {error}", "Enrol this device again") from error
    return context


def _check_home(home: Path, bundle: Bundle, new: Root) -> None:
    """Rules 2 and 3."""
    if not (home / "identity.json").exists():
        return
    known = identity(home)
    if (known.fleet, known.device) != (bundle.fleet, bundle.device):
        raise BadConfig(
            "--home", f"{home} belongs to {known.fleet}/{known.device}", "Choose another folder, or empty it"
        )
    if root(home).version > new.version:
        raise BadConfig(
            "bundle", f"its root version {new.version} is older than the one here", "Enrol with a new bundle"
        )


def _write(bundle: Bundle, root_document: bytes, home: Path, config_path: Path) -> Identity:
    home.mkdir(parents=True, exist_ok=True)
    access = Access(bundle.broker.url, bundle.broker.username, bundle.broker.password)
    for name, file_name in PEM_FILES.items():
        text = getattr(bundle.broker, name)
        if text is not None:
            write_atomic(home / file_name, text.encode(), mode=0o600)
        else:
            (home / file_name).unlink(missing_ok=True)
    known = Identity(bundle.fleet, bundle.device, access)
    write_atomic(home / "root.json", root_document)
    write_atomic(home / "identity.json", msgspec.json.encode(known), mode=0o600)
    if not config_path.exists():
        home_text = msgspec.json.encode(str(home.absolute())).decode()
        write_atomic(config_path, STARTER.format(home=home_text).encode())
    return known


T = TypeVar("T", Bundle, Identity)


def _read(path: Path, kind: type[T], cure: str) -> T:
    try:
        payload = path.read_bytes()
        if len(payload) > MAX_BUNDLE_BYTES:
            raise BadConfig(str(path), f"is larger than {MAX_BUNDLE_BYTES} bytes", cure)
        return msgspec.json.decode(payload, type=kind)
    except OSError as error:
        raise BadConfig(str(path), f"cannot be read: {error.strerror}", cure) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadConfig(str(path), f"is not what it should be: {error}", cure) from error


def _pinned(document: bytes, where: str) -> Root:
    try:
        return trust.pinned_root(document)
    except (Untrusted, Malformed) as error:
        raise BadConfig(where, f"holds no trustworthy root: {error}", ENROL) from error
