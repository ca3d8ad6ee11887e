"""Real Ed25519 keys and documents signed with them, for tests: a whole chain of trust in four calls.

>>> keys = make_keys() >>> root = trust.pinned_root(signed_root(keys)) >>> trust.verify_release(root,
sign_release(keys, b"manifest", b"model")).model.length 5
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Snapshot, Targets

from protocol import trust

S = TypeVar("S", Root, Snapshot, Targets)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Keys:
    """One signer for each thing that is signed."""

    root: CryptoSigner
    release: CryptoSigner
    deploy: CryptoSigner


def make_keys(seed: int | None = None) -> Keys:
    """Three keys: new ones, or with a seed (0 to 252) always the same."""
    secret = [secrets.token_bytes(32) if seed is None else bytes([seed + role]) * 32 for role in range(3)]
    return Keys(*(CryptoSigner(Ed25519PrivateKey.from_private_bytes(one)) for one in secret))


def signed_root(keys: Keys, version: int = 1, by: tuple[CryptoSigner, ...] = ()) -> bytes:
    """A Root that names these keys, signed by its own root key, or by `by` instead."""
    root = Root(version, trust.SPEC_VERSION, NEVER)
    for role, signer in (
        ("root", keys.root),
        ("snapshot", keys.release),
        ("targets", keys.deploy),
        ("timestamp", keys.deploy),
    ):
        root.add_key(signer.public_key, role)
    return sign(root, *(by or (keys.root,)))


def sign_release(keys: Keys, manifest: bytes, model: bytes) -> bytes:
    """A release document for these two files, signed by the release key."""
    return sign(trust.release_payload(manifest, model, NEVER), keys.release)


def sign_desired(
    keys: Keys, fleet: str, device: str, rev: int, slots: Mapping[str, trust.FileRef], expires: datetime = NEVER
) -> bytes:
    """A desired document for one device, signed by the deploy key."""
    return sign(trust.desired_payload(fleet, device, rev, expires, slots), keys.deploy)


def sign(payload: S, *signers: CryptoSigner) -> bytes:
    """The document with this payload and one signature by each signer."""
    metadata = Metadata(payload)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()
