"""What a device believes: only what is signed, meant for it, new and in time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from edge_agent import trusted
from edge_agent.config import Limits
from edge_agent.errors import Refused
from edge_agent.trusted import Accepted, Device, Ignored, Unchanged
from protocol import manifest as manifests
from protocol import trust
from protocol.chunks import digest
from protocol.manifest import Manifest
from protocol.messages import Reason, SensorInfo
from protocol.trust import FileRef, Seen
from tests.support.keys import make_keys, sign_desired, sign_release, signed_root
from tests.support.stream import CHANNELS, RATE_HZ
from tests.support.tiny_model import tiny

KEYS, STRANGER = make_keys(1), make_keys(5)
ROOT = trust.pinned_root(signed_root(KEYS))
NOW = datetime(2030, 1, 1, tzinfo=UTC)
SLOTS = {"active": FileRef("a" * 64, 10)}
DOCUMENT = sign_desired(KEYS, "home", "pi", 5, SLOTS, NOW + timedelta(hours=1))
SEEN = Seen(5, trust.verify_desired(ROOT, DOCUMENT, "home", "pi", Seen()).document_sha256)
DEVICE = Device(Limits(), 17, 9, "1", SensorInfo(kind="replay", channels=CHANNELS, rate_hz=RATE_HZ))
TINY = tiny()
PAYLOAD = manifests.encode(TINY.manifest)

IGNORED = {
    "for another device": (sign_desired(KEYS, "home", "pi2", 6, SLOTS), Reason.OTHER_DEVICE),
    "for another fleet": (sign_desired(KEYS, "away", "pi", 6, SLOTS), Reason.OTHER_DEVICE),
    "older than the last": (sign_desired(KEYS, "home", "pi", 4, SLOTS), Reason.REPLAYED),
    "another of the same revision": (sign_desired(KEYS, "home", "pi", 5, {}), Reason.REPLAYED),
    "by a stranger": (sign_desired(STRANGER, "home", "pi", 6, SLOTS), Reason.WRONG_KEY),
    "out of time": (sign_desired(KEYS, "home", "pi", 6, SLOTS, NOW), Reason.EXPIRED),
    "a release document": (sign_release(KEYS, b"m", b"o"), Reason.MALFORMED),
    "for a slot that does not exist": (
        sign_desired(KEYS, "home", "pi", 6, {"third": SLOTS["active"]}),
        Reason.MALFORMED,
    ),
    "changed after signing": (DOCUMENT.replace(b'"version":5', b'"version":6'), Reason.WRONG_KEY),
    "empty": (b"", Reason.MALFORMED),
    "too large": (b" " * (trust.MAX_DOCUMENT_BYTES + 1), Reason.TOO_LARGE),
}


@pytest.mark.parametrize(("document", "reason"), IGNORED.values(), ids=IGNORED)
def test_ignores(document: bytes, reason: Reason) -> None:
    decision = trusted.judge(ROOT, document, ("home", "pi"), SEEN, NOW)
    assert isinstance(decision, Ignored)
    assert (decision.reason, decision.document_sha256) == (reason, digest(document))
    assert (decision.desired is not None) == (reason is Reason.EXPIRED)


def test_accepts_a_new_document() -> None:
    decision = trusted.judge(ROOT, DOCUMENT, ("home", "pi"), Seen(4, "0" * 64), NOW)
    assert isinstance(decision, Accepted)
    assert (decision.desired.rev, decision.desired.slots) == (5, SLOTS)


def test_the_document_seen_last_is_no_news_even_when_it_has_expired() -> None:
    for now in (NOW, NOW + timedelta(days=9)):
        assert trusted.judge(ROOT, DOCUMENT, ("home", "pi"), SEEN, now) == Unchanged()


def test_a_release_must_be_the_one_that_was_wanted_and_signed_for_releases() -> None:
    document = sign_release(KEYS, PAYLOAD, TINY.onnx)
    assert trusted.check_release(ROOT, document, FileRef.of(document)).model == FileRef.of(TINY.onnx)
    for bad, reason in (
        (sign_release(KEYS, PAYLOAD, TINY.onnx + b" "), Reason.WRONG_DIGEST),
        (document + b" ", Reason.WRONG_LENGTH),
    ):
        with pytest.raises(Refused) as refused:
            trusted.check_release(ROOT, bad, FileRef.of(document))
        assert refused.value.reason == reason
    forged = sign_release(STRANGER, PAYLOAD, TINY.onnx)
    with pytest.raises(Refused) as refused:
        trusted.check_release(ROOT, forged, FileRef.of(forged))
    assert refused.value.reason == Reason.WRONG_KEY


Change = Callable[[Manifest], Manifest]


def of_model(**changes: object) -> Change:
    return lambda manifest: replace(manifest, model=replace(manifest.model, **changes))


def of_manifest(**changes: object) -> Change:
    return lambda manifest: replace(manifest, **changes)


UNFIT: dict[str, tuple[Change, Reason, str]] = {
    "about another model": (of_model(sha256="0" * 64), Reason.WRONG_DIGEST, "another model"),
    "a newer opset": (of_model(opset=18), Reason.RUNTIME_TOO_OLD, "opset 18"),
    "a newer IR": (of_model(ir=10), Reason.RUNTIME_TOO_OLD, "IR 10"),
    "channels in another order": (
        of_manifest(channels=("ay", "ax", "az")),
        Reason.SENSOR_MISMATCH,
        "needs the channels ay, ax, az; the sensor gives ax, ay, az",
    ),
    "another rate": (of_manifest(rate_hz=25.0), Reason.SENSOR_MISMATCH, "needs 25 Hz; the sensor gives 50 Hz"),
}


@pytest.mark.parametrize(("change", "reason", "text"), UNFIT.values(), ids=UNFIT)
def test_a_manifest_that_does_not_fit(change: Change, reason: Reason, text: str) -> None:
    payload = manifests.encode(change(TINY.manifest))
    files = trust.verify_release(ROOT, sign_release(KEYS, payload, TINY.onnx))
    with pytest.raises(Refused, match=text) as refused:
        trusted.check_manifest(payload, files, DEVICE)
    assert refused.value.reason == reason


FITTING: dict[str, Change] = {
    "as it is": lambda manifest: manifest,
    "a rate off by less than a hundredth": of_manifest(rate_hz=RATE_HZ * 1.005),
}


@pytest.mark.parametrize("change", FITTING.values(), ids=FITTING)
def test_a_manifest_that_fits(change: Change) -> None:
    payload = manifests.encode(change(TINY.manifest))
    files = trust.verify_release(ROOT, sign_release(KEYS, payload, TINY.onnx))
    assert trusted.check_manifest(payload, files, DEVICE).classes == TINY.manifest.classes


@pytest.mark.parametrize(
    ("limits", "text"),
    [(Limits(max_model_bytes=10), "10 are allowed here"), (Limits(max_classes=2), "3 classes, 2 are allowed here")],
    ids=["a large model", "many classes"],
)
def test_too_large(limits: Limits, text: str) -> None:
    files = trust.verify_release(ROOT, sign_release(KEYS, PAYLOAD, TINY.onnx))
    with pytest.raises(Refused, match=text):
        trusted.check_manifest(PAYLOAD, files, Device(limits, 17, 9, "1", DEVICE.sensor))


def test_a_manifest_that_is_none() -> None:
    files = trust.verify_release(ROOT, sign_release(KEYS, b"{}", TINY.onnx))
    with pytest.raises(Refused) as refused:
        trusted.check_manifest(b"{}", files, DEVICE)
    assert refused.value.reason == Reason.MALFORMED
