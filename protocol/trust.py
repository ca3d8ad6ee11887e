"""Who may say what, and how a device checks it. Pure: bytes and the time in, a value or `Untrusted` out.

The documents are TUF metadata (The Update Framework specification 1.0): a pinned, rotating Root names the keys.

Rules
1. A Root is replaced only by the next version, signed by enough keys of both the old and the new one.
2. A *release* is a Snapshot signed by Root's `snapshot` keys (the release key, which may stay offline): it binds one
   manifest and one model by length and SHA-256. Its own SHA-256 is the release's identity.
3. *Desired* is a Targets document signed by Root's `targets` keys (the deploy key, online): for one device, which
   release belongs in which slot. A stolen deploy key can therefore deploy only what the release key has signed.
4. Desired names its fleet and device inside the signed part; for any other device it is worth nothing.
5. Desired's version is a counter. Lower than the last one seen: replayed. Equal: only if its signed part is the same,
   byte for byte. What is not signed does not count, or a broker could make two documents out of one.
6. Expired desired changes nothing. It never stops what runs. The dates of a Root and of a release are not looked at:
   a release is deployable as long as a desired document that has not expired names it.
7. Signatures are checked before anything else in a document is believed.
8. Every key is Ed25519. A document is JSON as strict as any message (`codec`, rule 5).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets
from tuf.api.metadata import Root as Root  # noqa: PLC0414  (re-exported: it is what a device pins)

from protocol import chunks, codec
from protocol.errors import Malformed, Untrusted
from protocol.messages import Reason

MAX_DOCUMENT_BYTES = 32 * 1024
SPEC_VERSION = "1.0.31"  # of the TUF specification
MANIFEST_NAME = "manifest.json"
MODEL_NAME = "model.onnx"
_ADDRESSEE = "x-cygnet-device"
_SLOTS = ("active", "shadow")
_MAX_VERSION = 2**53
_KEY_TYPE = "ed25519"
_SHA256 = re.compile(r"[0-9a-f]{64}")

S = TypeVar("S", Root, Snapshot, Targets)


@dataclass(frozen=True)
class FileRef:
    """A blob named by its SHA-256, with the length it must have in bytes."""

    sha256: str
    length: int

    @classmethod
    def of(cls, blob: bytes) -> "FileRef":
        """The reference to these bytes."""
        return cls(chunks.digest(blob), len(blob))


@dataclass(frozen=True)
class ReleaseFiles:
    """What a release document binds together (rule 2)."""

    release: FileRef
    manifest: FileRef
    model: FileRef


@dataclass(frozen=True)
class Desired:
    """What one device should hold: slot -> release document (rule 3). `document_sha256` of the signed part (rule 5)."""

    fleet: str
    device: str
    rev: int
    expires: datetime
    document_sha256: str
    slots: Mapping[str, FileRef]


@dataclass(frozen=True)
class Seen:
    """The last desired document a device has persisted (rule 5)."""

    rev: int = 0
    document_sha256: str = ""


def pinned_root(document: bytes) -> Root:
    """The Root in `document`, which the caller trusts already (it came with the enrolment); it must still sign itself.

    Raises:
        Untrusted: not a Root, or not signed by its own keys.
    """
    metadata = _parse(document, Root)
    _check_root(metadata.signed, metadata)
    return metadata.signed


def rotate(current: Root, document: bytes) -> Root:
    """The Root that follows `current` (rule 1).

    Raises:
        Untrusted: with the reason.
    """
    metadata = _parse(document, Root)
    _check_signature(current, "root", metadata)
    _check_root(metadata.signed, metadata)
    if metadata.signed.version != current.version + 1:
        raise Untrusted(Reason.REPLAYED, f"root version {metadata.signed.version} does not follow {current.version}")
    return metadata.signed


def verify_release(root: Root, document: bytes) -> ReleaseFiles:
    """What a release document binds (rules 2 and 7).

    Raises:
        Untrusted: with the reason.
    """
    metadata = _parse(document, Snapshot)
    _check_signature(root, "snapshot", metadata)
    meta = metadata.signed.meta
    if set(meta) != {MANIFEST_NAME, MODEL_NAME}:
        raise Untrusted(Reason.MALFORMED, f"a release binds {MANIFEST_NAME} and {MODEL_NAME}, not {sorted(meta)}")
    return ReleaseFiles(FileRef.of(document), _file_ref(meta[MANIFEST_NAME]), _file_ref(meta[MODEL_NAME]))


def verify_desired(root: Root, document: bytes, fleet: str, device: str, seen: Seen) -> Desired:
    """What the factory wants of this device (rules 3, 4, 5 and 7). Whether it has expired is for `expired` to say.

    Raises:
        Untrusted: with the reason.
    """
    metadata = _parse(document, Targets)
    _check_signature(root, "targets", metadata)
    signed = metadata.signed
    addressee = signed.unrecognized_fields.get(_ADDRESSEE)
    if addressee != {"fleet": fleet, "device": device}:
        raise Untrusted(Reason.OTHER_DEVICE, f"this document is for {addressee!r}")
    sha256 = chunks.digest(metadata.signed_bytes)
    if signed.version < seen.rev or (signed.version == seen.rev and sha256 != seen.document_sha256):
        raise Untrusted(Reason.REPLAYED, f"revision {signed.version} is not newer than {seen.rev}")
    if not set(signed.targets) <= set(_SLOTS):
        raise Untrusted(Reason.MALFORMED, f"slots are {_SLOTS}, not {sorted(signed.targets)}")
    slots = {slot: _file_ref(target) for slot, target in signed.targets.items()}
    return Desired(fleet, device, signed.version, signed.expires, sha256, slots)


def expired(desired: Desired, now: datetime) -> bool:
    """Whether a desired document may no longer change anything (rule 6)."""
    return now >= desired.expires


def check_blob(blob: bytes, expected: FileRef) -> None:
    """Whether these are the bytes a signed document names.

    Raises:
        Untrusted: wrong length or digest.
    """
    if len(blob) != expected.length:
        raise Untrusted(Reason.WRONG_LENGTH, f"{len(blob)} bytes where {expected.length} were signed")
    if (actual := chunks.digest(blob)) != expected.sha256:
        raise Untrusted(Reason.WRONG_DIGEST, f"digest {actual[:12]} where {expected.sha256[:12]} was signed")


def release_payload(manifest: bytes, model: bytes, expires: datetime) -> Snapshot:
    """The unsigned release document that binds these two files."""
    meta = {
        name: MetaFile(version=1, length=len(blob), hashes={"sha256": chunks.digest(blob)})
        for name, blob in ((MANIFEST_NAME, manifest), (MODEL_NAME, model))
    }
    return Snapshot(1, SPEC_VERSION, expires.astimezone(UTC).replace(microsecond=0), meta)


def desired_payload(fleet: str, device: str, rev: int, expires: datetime, slots: Mapping[str, FileRef]) -> Targets:
    """The unsigned desired document for one device."""
    targets = {slot: TargetFile(ref.length, {"sha256": ref.sha256}, slot) for slot, ref in slots.items()}
    addressee = {_ADDRESSEE: {"fleet": fleet, "device": device}}
    return Targets(rev, SPEC_VERSION, expires.astimezone(UTC).replace(microsecond=0), targets, None, addressee)


def _parse(document: bytes, kind: type[S]) -> Metadata[S]:
    """TUF metadata of the wanted type; its contents are not to be believed before `_check_signature`."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise Untrusted(Reason.TOO_LARGE, f"{len(document)} bytes, {MAX_DOCUMENT_BYTES} are allowed")
    try:
        raw = codec.parse_json(document, MAX_DOCUMENT_BYTES)
        metadata: Metadata[S] = Metadata[S].from_bytes(document)
        _ = metadata.signed_bytes  # fails on what canonical JSON cannot write, such as a fraction
    except (Malformed, RepositoryError) as error:
        raise Untrusted(Reason.MALFORMED, f"not a signed document: {error}") from error
    # The library puts defaults in the place of null and signs those; what we verify must be what was sent.
    if codec.canonical(raw["signed"]) != codec.canonical(metadata.signed.to_dict()):
        raise Untrusted(Reason.MALFORMED, "the signed part has null where a value belongs")
    if not isinstance(metadata.signed, kind):
        raise Untrusted(Reason.MALFORMED, f"a {metadata.signed.type} document where {kind.type} belongs")
    return metadata


def _check_signature(root: Root, role: str, metadata: Metadata[S]) -> None:
    """Whether enough of the keys that `root` names for `role` have signed; then whether the version is a number."""
    if not metadata.signatures:
        raise Untrusted(Reason.UNSIGNED, "the document carries no signature")
    result = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    if not result.verified:
        raise Untrusted(Reason.WRONG_KEY, f"signed by {len(result.signed)} of {result.threshold} needed {role} keys")
    version = metadata.signed.version
    if type(version) is not int or version > _MAX_VERSION:
        raise Untrusted(Reason.MALFORMED, "the version is no number up to 2**53")


def _check_root(root: Root, metadata: Metadata[Root]) -> None:
    """Whether a Root has only keys of the one kind (rule 8) and has signed itself with them."""
    if kinds := {key.keytype for key in root.keys.values()} - {_KEY_TYPE}:
        raise Untrusted(Reason.MALFORMED, f"keys are {_KEY_TYPE}, not {sorted(kinds)}")
    _check_signature(root, "root", metadata)


def _file_ref(entry: MetaFile | TargetFile) -> FileRef:
    """Length and SHA-256 of an entry; both are required, and the digest may become the name of a file."""
    sha256, length = (entry.hashes or {}).get("sha256", ""), entry.length
    if not _SHA256.fullmatch(sha256) or type(length) is not int or length < 1:
        raise Untrusted(Reason.MALFORMED, "an entry without length or SHA-256")
    if length > chunks.MAX_BLOB_BYTES:
        raise Untrusted(Reason.TOO_LARGE, f"{length} bytes, {chunks.MAX_BLOB_BYTES} are allowed")
    return FileRef(sha256, length)
