"""Builds and parses every MQTT topic; no other file holds a topic string.

Rules
1. A device speaks and listens only under `ef/1/{fleet}/{device}/`, so a broker's access rule is one line a device.
2. Blobs are named by their digest under `ef/1/blob/`, outside any device, so that the same bytes are sent once.
3. Names of fleets and devices are `[a-z0-9-]`, 1 to 40 long: no name can hold a wildcard or a level separator.
4. No topic holds anything unique per request: brokers keep memory for every topic ever used.
"""

import re
from dataclasses import dataclass

from protocol.errors import Malformed
from protocol.version import PROTOCOL_VERSION

_ROOT = f"ef/{PROTOCOL_VERSION}"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
NAME_RULE = "1 to 40 of a-z, 0-9 and '-', with a letter or digit at both ends"

FROM_DEVICE = ("status", "birth", "reported", "job", "blob/get", "m", "label/receipt")
TO_DEVICE = ("desired", "label", "receipt")


def valid_name(name: str) -> bool:
    """Whether `name` may name a fleet, a group or a device (rule 3)."""
    return _NAME.fullmatch(name) is not None and name != "blob"


@dataclass(frozen=True)
class DeviceTopics:
    """Every topic of one device."""

    fleet: str
    device: str

    def __post_init__(self) -> None:
        for name in (self.fleet, self.device):
            if not valid_name(name):
                raise Malformed(f"{name!r} cannot be part of a topic: use {NAME_RULE}")

    def of(self, kind: str) -> str:
        """The topic of a kind of `FROM_DEVICE` or `TO_DEVICE`."""
        if kind not in FROM_DEVICE and kind not in TO_DEVICE:
            raise Malformed(f"no topic of kind {kind!r}")
        return f"{_ROOT}/{self.fleet}/{self.device}/{kind}"

    def chunk(self, sha256: str, index: int) -> str:
        """Where the factory sends piece `index` of a blob this device asked for."""
        return f"{_ROOT}/{self.fleet}/{self.device}/blob/{_digest(sha256)[:8]}/{index}"

    def chunks(self, sha256: str) -> str:
        """The subscription that takes in every piece of one blob."""
        return f"{_ROOT}/{self.fleet}/{self.device}/blob/{_digest(sha256)[:8]}/+"

    def chunk_index(self, topic: str, sha256: str) -> int | None:
        """Which piece of blob `sha256` a topic carries; None where it carries something else."""
        prefix = self.chunk(sha256, 0)[:-1]
        rest = topic.removeprefix(prefix)
        return int(rest) if rest != topic and _INDEX.fullmatch(rest) else None


def blob(sha256: str) -> str:
    """The retained topic that carries a small blob whole."""
    return f"{_ROOT}/blob/{_digest(sha256)}"


def blob_digest(topic: str) -> str | None:
    """The digest a blob topic names; None where it is another topic."""
    digest = topic.removeprefix(f"{_ROOT}/blob/")
    return digest if digest != topic and _SHA256.fullmatch(digest) else None


def ingest(fleet: str) -> tuple[str, ...]:
    """What the factory subscribes to for a whole fleet."""
    return tuple(f"{_ROOT}/{fleet}/+/{kind}" for kind in FROM_DEVICE)


def parse_from_device(topic: str) -> tuple[str, str, str] | None:
    """(fleet, device, kind) of a topic that a device publishes to; None where it is another topic."""
    below = topic.removeprefix(f"{_ROOT}/")
    fleet, _, rest = below.partition("/")
    device, _, kind = rest.partition("/")
    if below == topic or not (valid_name(fleet) and valid_name(device)) or kind not in FROM_DEVICE:
        return None
    return fleet, device, kind


def _digest(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise Malformed(f"{sha256!r} is no SHA-256 digest: use 64 hexadecimal digits")
    return sha256
