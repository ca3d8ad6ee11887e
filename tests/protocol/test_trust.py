"""Each rule of `protocol.trust` with the attack it is there for. Real keys, real signatures."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Targets, Timestamp

from protocol import chunks, trust
from protocol.errors import Untrusted
from protocol.messages import Reason, one_line
from protocol.trust import FileRef, Seen
from tests.support.keys import NEVER, make_keys, sign, sign_desired, sign_release, signed_root
from tests.support.wire import JSON

KEYS = make_keys()
OTHERS = make_keys()
ROOT = trust.pinned_root(signed_root(KEYS))
RELEASE = sign_release(KEYS, b"manifest", b"model")
SLOTS = {"active": FileRef.of(RELEASE)}
DESIRED = sign_desired(KEYS, "gym", "pi-1", 5, SLOTS)


def verify_desired(document: bytes, seen: Seen = Seen()) -> trust.Desired:  # noqa: B008  (frozen)
    return trust.verify_desired(ROOT, document, "gym", "pi-1", seen)


def refused(reason: Reason, act: Callable[[], object]) -> None:
    """Whether `act` is refused for this reason, with a text that a report can carry."""
    with pytest.raises(Untrusted) as caught:
        act()
    assert caught.value.reason == reason
    assert str(caught.value) == one_line(str(caught.value)) != ""


def refuses(verify: Callable[[bytes], object], document: bytes) -> bool:
    try:
        verify(document)
    except Untrusted:
        return True
    return False


def changed(document: bytes, **fields: Any) -> bytes:
    """The document with fields of its signed part replaced, and its signatures as they were."""
    raw = json.loads(document)
    raw["signed"].update(fields)
    return json.dumps(raw).encode()


def resigned(document: bytes, signer: CryptoSigner, **fields: Any) -> bytes:
    """The document with fields of its signed part replaced, and signed again by a true key."""
    metadata: Metadata[Any] = Metadata.from_bytes(changed(document, **fields))
    metadata.sign(signer)
    return metadata.to_bytes()


# Rule 2 and 3: who signs what.


def test_a_release_binds_manifest_and_model_and_is_named_by_its_own_bytes() -> None:
    files = trust.verify_release(ROOT, RELEASE)
    assert files == trust.ReleaseFiles(FileRef.of(RELEASE), FileRef.of(b"manifest"), FileRef.of(b"model"))


def test_desired_says_what_belongs_in_each_slot() -> None:
    desired = verify_desired(DESIRED)
    assert (desired.fleet, desired.device, desired.rev, desired.expires) == ("gym", "pi-1", 5, NEVER)
    assert desired.slots == SLOTS


def test_desired_may_leave_every_slot_empty() -> None:
    assert verify_desired(sign_desired(KEYS, "gym", "pi-1", 5, {})).slots == {}


FORGED_RELEASES = {
    "without a signature": (Reason.UNSIGNED, sign(trust.release_payload(b"a", b"b", NEVER))),
    "signed by a stranger": (Reason.WRONG_KEY, sign_release(OTHERS, b"a", b"b")),
    "signed by the deploy key": (Reason.WRONG_KEY, sign(trust.release_payload(b"a", b"b", NEVER), KEYS.deploy)),
    "signed by the root key": (Reason.WRONG_KEY, sign(trust.release_payload(b"a", b"b", NEVER), KEYS.root)),
    "of another length than was signed": (
        Reason.WRONG_KEY,
        changed(RELEASE, meta={name: {"version": 1, "length": 9, "hashes": {"sha256": "ab" * 32}} for name in "ab"}),
    ),
    "that is a desired document": (Reason.MALFORMED, DESIRED),
    "that is a root": (Reason.MALFORMED, signed_root(KEYS)),
    "that is a timestamp": (
        Reason.MALFORMED,
        Metadata(Timestamp(expires=NEVER), {"k": KEYS.deploy.sign(b"")}).to_bytes(),
    ),
}


@pytest.mark.parametrize(("reason", "document"), FORGED_RELEASES.values(), ids=FORGED_RELEASES.keys())
def test_a_release_is_refused(reason: Reason, document: bytes) -> None:
    refused(reason, lambda: trust.verify_release(ROOT, document))


def payload(fleet: str = "gym", device: str = "pi-1") -> Targets:
    return trust.desired_payload(fleet, device, 5, NEVER, SLOTS)


FORGED_DESIRED = {
    "without a signature": (Reason.UNSIGNED, sign(payload())),
    "signed by a stranger": (Reason.WRONG_KEY, sign(payload(), OTHERS.deploy)),
    "signed by the release key": (Reason.WRONG_KEY, sign(payload(), KEYS.release)),
    "signed by the root key": (Reason.WRONG_KEY, sign(payload(), KEYS.root)),
    "with its revision raised after signing": (Reason.WRONG_KEY, changed(DESIRED, version=6)),
    "with its expiry put off after signing": (Reason.WRONG_KEY, changed(DESIRED, expires="2101-01-01T00:00:00Z")),
    "with a signature that is a number": (Reason.WRONG_KEY, DESIRED.replace(b'"sig":"', b'"sig":1,"was":"')),
    "with a signature that is no hexadecimal": (Reason.WRONG_KEY, DESIRED.replace(b'"sig":"', b'"sig":"zz')),
    "for another device": (Reason.OTHER_DEVICE, sign(payload(device="pi-2"), KEYS.deploy)),
    "for this device of another fleet": (Reason.OTHER_DEVICE, sign(payload(fleet="spa"), KEYS.deploy)),
    "for nobody": (Reason.OTHER_DEVICE, sign(Targets(5, None, NEVER, {}), KEYS.deploy)),
    "for every device in a list": (
        Reason.OTHER_DEVICE,
        resigned(DESIRED, KEYS.deploy, **{"x-cygnet-device": [{"fleet": "gym", "device": "pi-1"}]}),
    ),
    "for a device whose name fills a page": (Reason.OTHER_DEVICE, sign(payload(device="\n" * 9000), KEYS.deploy)),
    "that is a release": (Reason.MALFORMED, RELEASE),
}


@pytest.mark.parametrize(("reason", "document"), FORGED_DESIRED.values(), ids=FORGED_DESIRED.keys())
def test_desired_is_refused(reason: Reason, document: bytes) -> None:
    refused(reason, lambda: verify_desired(document))


# What a true signature does not excuse: the holder of a stolen deploy key is hostile too.


def entry(**fields: Any) -> dict[str, Any]:
    return {"active": {"length": 5, "hashes": {"sha256": "ab" * 32}, **fields}}


SIGNED_NONSENSE = {
    "a slot that does not exist": (Reason.MALFORMED, {"targets": {"../../etc": entry()["active"]}}),
    "a digest that is a path": (Reason.MALFORMED, {"targets": entry(hashes={"sha256": "../" * 21 + "a"})}),
    "a digest in capitals, which would be a second name": (
        Reason.MALFORMED,
        {"targets": entry(hashes={"sha256": "AB" * 32})},
    ),
    "only another kind of digest": (Reason.MALFORMED, {"targets": entry(hashes={"md5": "ab" * 16})}),
    "an empty blob": (Reason.MALFORMED, {"targets": entry(length=0)}),
    "a length of true": (Reason.MALFORMED, {"targets": entry(length=True)}),
    "a blob larger than any device takes": (Reason.TOO_LARGE, {"targets": entry(length=chunks.MAX_BLOB_BYTES + 1)}),
    "a revision no counter can pass": (Reason.MALFORMED, {"version": 2**53 + 1}),
    "a revision of true": (Reason.MALFORMED, {"version": True}),
}


@pytest.mark.parametrize(("reason", "fields"), SIGNED_NONSENSE.values(), ids=SIGNED_NONSENSE.keys())
def test_a_true_signature_does_not_excuse(reason: Reason, fields: dict[str, Any]) -> None:
    refused(reason, lambda: verify_desired(resigned(DESIRED, KEYS.deploy, **fields)))


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"manifest.json": {"version": 1, "length": 1, "hashes": {"sha256": "ab" * 32}}}, id="no model"),
        pytest.param(
            {name: {"version": 1, "hashes": {"sha256": "ab" * 32}} for name in ("manifest.json", "model.onnx")},
            id="files without a length",
        ),
        pytest.param(
            {name: {"version": 1, "length": 1} for name in ("manifest.json", "model.onnx")},
            id="files without a digest",
        ),
    ],
)
def test_a_truly_signed_release_that_binds_too_little_is_refused(meta: dict[str, Any]) -> None:
    refused(Reason.MALFORMED, lambda: trust.verify_release(ROOT, resigned(RELEASE, KEYS.release, meta=meta)))


# Rule 5: the counter.


def seen_after(document: bytes) -> Seen:
    desired = verify_desired(document)
    return Seen(desired.rev, desired.document_sha256)


def test_a_lower_revision_is_replayed() -> None:
    older = sign_desired(KEYS, "gym", "pi-1", 4, SLOTS)
    refused(Reason.REPLAYED, lambda: verify_desired(older, seen_after(DESIRED)))


def test_the_same_revision_with_other_content_is_replayed() -> None:
    other = sign_desired(KEYS, "gym", "pi-1", 5, {})
    refused(Reason.REPLAYED, lambda: verify_desired(other, seen_after(DESIRED)))


def test_the_same_document_again_is_accepted() -> None:
    assert verify_desired(DESIRED, seen_after(DESIRED)).rev == 5


def test_a_higher_revision_is_accepted() -> None:
    assert verify_desired(sign_desired(KEYS, "gym", "pi-1", 6, {}), seen_after(DESIRED)).rev == 6


@pytest.mark.parametrize(
    "touch",
    [
        pytest.param(lambda raw: raw.update(note="x"), id="a field beside the signed part"),
        pytest.param(lambda raw: raw["signatures"][0].update(note="x"), id="a field beside the signature"),
        pytest.param(lambda raw: raw["signatures"].append({"keyid": "x", "sig": "00"}), id="a signature of nobody"),
    ],
)
def test_a_broker_cannot_make_two_documents_out_of_one(touch: Callable[[Any], object]) -> None:
    raw = json.loads(DESIRED)
    touch(raw)
    touched = json.dumps(raw, indent=1).encode()
    assert verify_desired(DESIRED, seen_after(touched)) == verify_desired(touched, seen_after(DESIRED))


# Rule 6: expiry.


def test_desired_expires_at_its_second() -> None:
    end = datetime(2030, 1, 1, tzinfo=UTC)
    desired = verify_desired(sign_desired(KEYS, "gym", "pi-1", 5, SLOTS, end))
    assert not trust.expired(desired, end - timedelta(seconds=1))
    assert trust.expired(desired, end)
    assert trust.expired(desired, end + timedelta(days=1))


def test_a_release_stays_deployable_after_its_date() -> None:
    old = sign(trust.release_payload(b"a", b"b", datetime(2001, 1, 1, tzinfo=UTC)), KEYS.release)
    assert trust.verify_release(ROOT, old).release == FileRef.of(old)


# Rule 1: rotation.


def test_a_root_signed_by_the_old_and_the_new_key_takes_over() -> None:
    second = trust.rotate(ROOT, signed_root(OTHERS, 2, by=(KEYS.root, OTHERS.root)))
    assert second.version == 2
    refused(Reason.WRONG_KEY, lambda: trust.verify_release(second, RELEASE))
    assert trust.verify_release(second, sign_release(OTHERS, b"a", b"b")).model == FileRef.of(b"b")


def test_roots_follow_one_another_in_a_chain() -> None:
    third_keys = make_keys()
    second = trust.rotate(ROOT, signed_root(OTHERS, 2, by=(KEYS.root, OTHERS.root)))
    third = trust.rotate(second, signed_root(third_keys, 3, by=(OTHERS.root, third_keys.root)))
    assert trust.verify_release(third, sign_release(third_keys, b"a", b"b"))


BOTH = (KEYS.root, OTHERS.root)
BAD_ROOTS = {
    "that skips a version": (Reason.REPLAYED, signed_root(OTHERS, 3, by=BOTH)),
    "of the same version": (Reason.REPLAYED, signed_root(OTHERS, 1, by=BOTH)),
    "signed only by the new key": (Reason.WRONG_KEY, signed_root(OTHERS, 2)),
    "signed only by the old key": (Reason.WRONG_KEY, signed_root(OTHERS, 2, by=(KEYS.root,))),
    "signed by the release and deploy keys": (
        Reason.WRONG_KEY,
        signed_root(OTHERS, 2, by=(KEYS.release, KEYS.deploy, OTHERS.root)),
    ),
    "that is a desired document": (Reason.MALFORMED, DESIRED),
}


@pytest.mark.parametrize(("reason", "document"), BAD_ROOTS.values(), ids=BAD_ROOTS.keys())
def test_a_root_is_refused(reason: Reason, document: bytes) -> None:
    refused(reason, lambda: trust.rotate(ROOT, document))


def test_the_older_root_cannot_come_back() -> None:
    second = trust.rotate(ROOT, signed_root(OTHERS, 2, by=BOTH))
    refused(Reason.REPLAYED, lambda: trust.rotate(second, signed_root(KEYS, 1, by=BOTH)))


def test_two_of_three_keys_are_two_different_keys() -> None:
    three = [make_keys().root for _ in range(3)]
    root = Root(version=1, expires=NEVER)
    for signer in three:
        root.add_key(signer.public_key, "root")
    root.roles["root"].threshold = 2
    refused(Reason.WRONG_KEY, lambda: trust.pinned_root(sign(root, three[0])))
    assert trust.pinned_root(sign(root, three[0], three[2])).version == 1


def test_a_root_that_has_not_signed_itself_is_not_pinned() -> None:
    refused(Reason.WRONG_KEY, lambda: trust.pinned_root(signed_root(KEYS, by=(OTHERS.root,))))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(CryptoSigner.generate_rsa, id="RSA"),
        pytest.param(CryptoSigner.generate_ecdsa, id="ECDSA"),
    ],
)
def test_a_root_with_a_key_that_is_not_ed25519_is_refused(make: Callable[[], CryptoSigner]) -> None:
    signer = make()
    root = Root(version=1, expires=NEVER)
    root.add_key(signer.public_key, "root")
    refused(Reason.MALFORMED, lambda: trust.pinned_root(sign(root, signer)))


# Rule 7: damage, and bytes that were never a document.

VERIFIERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "root": (signed_root(KEYS), trust.pinned_root),
    "rotated root": (signed_root(OTHERS, 2, by=BOTH), lambda document: trust.rotate(ROOT, document)),
    "release": (RELEASE, lambda document: trust.verify_release(ROOT, document)),
    "desired": (DESIRED, verify_desired),
}
each_verifier = pytest.mark.parametrize(("document", "verify"), VERIFIERS.values(), ids=VERIFIERS.keys())


@each_verifier
def test_a_truncated_document_is_untrusted(document: bytes, verify: Callable[[bytes], object]) -> None:
    verify(document)
    for length in range(0, len(document), 50):
        refused(Reason.MALFORMED, lambda length=length: verify(document[:length]))  # type: ignore[misc]


@each_verifier
def test_one_bit_flipped_changes_nothing_that_is_signed(document: bytes, verify: Callable[[bytes], object]) -> None:
    for position in range(0, len(document), 50):
        for bit in range(8):
            flipped = bytearray(document)
            flipped[position] ^= 1 << bit
            if refuses(verify, bytes(flipped)):
                continue
            assert flipped.lower() == document.lower()  # a signature's hexadecimal letter, in capitals


NO_DOCUMENTS = {
    "nothing": b"",
    "a list": b"[]",
    "a number": b"5",
    "an object without a signed part": b"{}",
    "a signed part that is a list": b'{"signed": [], "signatures": []}',
    "a type that is a list": b'{"signed": {"_type": []}, "signatures": []}',
    "signatures that are an object": b'{"signed": {"_type": "root"}, "signatures": {"a": 1}}',
    "a signature without a key": changed(DESIRED).replace(b'"keyid"', b'"kid"'),
    "a key id that is a list": DESIRED.replace(b'"keyid":"', b'"keyid":[],"was":"'),
    "the same signature twice": json.dumps(
        {"signed": json.loads(DESIRED)["signed"], "signatures": json.loads(DESIRED)["signatures"] * 2}
    ).encode(),
    "a key twice in one object": DESIRED.replace(b'"version":5', b'"version":5,"version":9'),
    "a fraction, which canonical JSON cannot hold": changed(DESIRED, note=1.5),
    "NaN": changed(DESIRED, note=float("nan")),
    "half of a surrogate pair": changed(DESIRED, note="\ud800"),
    "deep nesting": b'{"signed":' * 3000,
    "a version of 5,000 digits": DESIRED.replace(b'"version":5', b'"version":' + b"9" * 5000),
    "null for a version, which a library may take for 1": changed(DESIRED, version=None),
    "null for the specification, which a library may take for its own": changed(DESIRED, spec_version=None),
    "a version that is text": changed(DESIRED, version="5"),
    "a date that is none": changed(DESIRED, expires="tomorrow"),
    "targets that are a list": changed(DESIRED, targets=[]),
    "a target that is a number": changed(DESIRED, targets={"active": 5}),
    "a negative length": changed(DESIRED, targets=entry(length=-1)),
    "hashes that are a list": changed(DESIRED, targets=entry(hashes=["ab"])),
    "another version of the specification": changed(DESIRED, spec_version="2.0.0"),
}


@pytest.mark.parametrize("document", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS.keys())
def test_bytes_that_are_no_document_are_malformed(document: bytes) -> None:
    for _, verify in VERIFIERS.values():
        refused(Reason.MALFORMED, lambda verify=verify: verify(document))  # type: ignore[misc]


def test_a_document_over_the_limit_is_too_large() -> None:
    refused(Reason.TOO_LARGE, lambda: verify_desired(DESIRED + b" " * trust.MAX_DOCUMENT_BYTES))


@each_verifier
@settings(max_examples=60)
@given(data=st.data())
def test_any_value_at_any_place_is_untrusted_or_verified(
    document: bytes, verify: Callable[[bytes], object], data: st.DataObject
) -> None:
    raw = json.loads(document)
    place = raw
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    assert refuses(verify, json.dumps(raw).encode()) or json.loads(document)["signed"] == raw["signed"]


@given(st.binary(max_size=300))
def test_any_bytes_are_untrusted(document: bytes) -> None:
    for _, verify in VERIFIERS.values():
        with pytest.raises(Untrusted):
            verify(document)


# Blobs.


def test_a_blob_is_what_was_signed_or_refused() -> None:
    trust.check_blob(b"model", FileRef.of(b"model"))
    refused(Reason.WRONG_LENGTH, lambda: trust.check_blob(b"mode", FileRef.of(b"model")))
    refused(Reason.WRONG_DIGEST, lambda: trust.check_blob(b"modeL", FileRef.of(b"model")))
