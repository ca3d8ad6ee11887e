"""The file that turns a Raspberry Pi into a device of this fleet: who it is, whom it talks to, whom it trusts."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from factory.errors import BadInput

BUNDLE_FORMAT = 1


@dataclass(frozen=True)
class Access:
    """How one device proves itself to the broker. Files are PEM."""

    url: str
    username: str | None = None
    password: str | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def bundle(fleet: str, device: str, access: Access, root_document: bytes) -> dict[str, object]:
    """The enrolment of one device, as JSON values. It holds secrets where `access` does.

    Raises:
        BadInput: a PEM file cannot be read.
    """
    broker = {"url": access.url, "username": access.username, "password": access.password}
    for name, path in (("ca", access.ca), ("certificate", access.certificate), ("key", access.key)):
        broker[name] = None if path is None else _text(path, name)
    return {
        "format": BUNDLE_FORMAT,
        "fleet": fleet,
        "device": device,
        "broker": {key: value for key, value in broker.items() if value is not None},
        "root": json.loads(root_document),
    }


def write_bundle(path: Path, content: dict[str, object]) -> None:
    """Write an enrolment file that only its owner can read, whole or not at all.

    Raises:
        BadInput: the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadInput(
            "--out", f"{path} cannot be written: {error.strerror}", "Name a file in a folder you own"
        ) from error


def _text(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"broker {name}", f"{path} is no readable PEM file", "Name a PEM file") from error
