"""One hand-chosen value of everything that crosses the wire, each with a field that this version does not know."""

from msgspec.structs import replace

from protocol import codec, manifest, topics
from protocol.chunks import CHUNK_BYTES, to_bitmap
from protocol.messages import (
    Birth,
    BlobRequest,
    JobEvent,
    Label,
    LabelReceipt,
    Message,
    Metrics,
    Reason,
    Receipt,
    Reported,
    SensorInfo,
    SlotReport,
    State,
    Status,
)
from protocol.trust import FileRef
from tests.support.keys import make_keys, sign_desired, sign_release, signed_root
from tests.support.wire import small_manifest

NEW = {"a_field_of_a_later_version": {"kept": [True, None]}}
FLEET, DEVICE = "gym", "pi-1"
KEYS, NEXT_KEYS = make_keys(seed=1), make_keys(seed=11)
MANIFEST = manifest.encode(replace(small_manifest(), extra=NEW))
MODEL = b"stands for an ONNX file"
RELEASE = sign_release(KEYS, MANIFEST, MODEL)
NAME = FileRef.of(RELEASE).sha256
MODEL_NAME = FileRef.of(MODEL).sha256

MESSAGES: dict[str, Message] = {
    "status": Status(online=True, epoch="7c9e", ts=1_700_000_000.25, extra=NEW),
    "birth": Birth(
        epoch="7c9e",
        ts=1_700_000_000.5,
        agent="0.1.0",
        onnxruntime="1.20.1",
        max_opset=21,
        max_ir=10,
        arch="aarch64",
        python="3.11.2",
        ram_mb=906,
        disk_free_mb=20_480,
        max_model_bytes=4_000_000,
        root_version=1,
        sensor=SensorInfo(kind="replay", channels=("acc_x", "acc_y"), rate_hz=50.0),
        extra={**NEW, "sensor": {"bits": 16}},
    ),
    "reported": Reported(
        ts=1_700_000_002.0,
        rev_seen=3,
        rev_applied=2,
        running=NAME,
        previous=None,
        slots={
            "active": SlotReport(release=NAME, state=State.ACTIVE, since=1_700_000_001.0, model=MODEL_NAME),
            "shadow": SlotReport(
                release="0f" * 32,
                state=State.REJECTED,
                since=1_700_000_002.0,
                reason=Reason.GOLDEN_MISMATCH,
                text="window 2 differs by 0.4, 0.001 is allowed",
            ),
        },
        first_prediction_ts=1_700_000_001.5,
        extra={**NEW, "slots": {"active": {"hits": 5}}},
    ),
    "job": JobEvent(
        outbox="b1946ac9",
        seq=41,
        ts=1_700_000_001.0,
        rev=2,
        slot="active",
        release=NAME,
        state=State.ROLLED_BACK,
        reason=Reason.RUNNER_FAILED,
        text="the child process ended with signal 11",
        extra=NEW,
    ),
    "blob-get": BlobRequest(
        sha256=MODEL_NAME, length=9 * CHUNK_BYTES + 1, missing=to_bitmap([0, 8, 9], 9 * CHUNK_BYTES + 1), extra=NEW
    ),
    "m": Metrics(
        outbox="b1946ac9",
        seq=42,
        slot="active",
        release=NAME,
        t0=1_700_000_000.0,
        t1=1_700_000_010.0,
        n=5,
        n_labelled=4,
        predicted=(2, 3),
        confusion=((2, 1), (0, 1)),
        latency_us={"32": 4, "40": 1},
        busy_s=0.002,
        wall_s=10.0,
        extra=NEW,
    ),
    "receipt": Receipt(outbox="b1946ac9", seqs=(41, 42), extra=NEW),
    "label": Label(label_id="set-9", y="squat", source="tablet", t=1_700_000_020.0, inference_id="rec-4@50", extra=NEW),
    "label-interval": Label(
        label_id="set-10",
        y="rest",
        source="tablet",
        t=1_700_000_020.0,
        t0=1_700_000_000.0,
        t1=1_700_000_010.0,
        extra=NEW,
    ),
    "label-receipt": LabelReceipt(label_ids=("set-9", "set-10"), extra=NEW),
}


def topic_list() -> list[str]:
    """Every topic of one device and one blob, and what the factory subscribes to."""
    mine = topics.DeviceTopics(FLEET, DEVICE)
    return [
        *(mine.of(kind) for kind in topics.FROM_DEVICE + topics.TO_DEVICE),
        mine.chunk(MODEL_NAME, 9),
        mine.chunks(MODEL_NAME),
        topics.blob(MODEL_NAME),
        *topics.ingest(FLEET),
    ]


def files() -> dict[str, bytes]:
    """File name -> bytes: what is on the wire, and nothing added."""
    documents = {
        "manifest.json": MANIFEST,
        "release.json": RELEASE,
        "desired.json": sign_desired(KEYS, FLEET, DEVICE, 2, {"active": FileRef.of(RELEASE)}),
        "root-1.json": signed_root(KEYS),
        "root-2.json": signed_root(NEXT_KEYS, 2, by=(KEYS.root, NEXT_KEYS.root)),
        "topics.txt": "".join(f"{topic}\n" for topic in topic_list()).encode(),
    }
    return {**{f"{name}.json": codec.encode(message) for name, message in MESSAGES.items()}, **documents}
