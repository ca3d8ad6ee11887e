"""A whole device in memory, speaking `protocol` over a real broker: what the factory's service is tested against."""

import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from protocol import chunks, codec, topics, trust
from protocol.messages import (
    BlobRequest,
    Label,
    LabelReceipt,
    Message,
    Reason,
    Receipt,
    Reported,
    Slot,
    SlotReport,
    State,
    Status,
)
from protocol.topics import TO_DEVICE, DeviceTopics
from protocol.trust import FileRef


@dataclass
class SimulatedDevice:
    """Takes every desired document that it can verify, or refuses every one with `refuses`."""

    url: str
    root_document: bytes
    fleet: str = "home"
    name: str = "pi"
    refuses: Reason | None = None
    confirms_labels: bool = True
    seen: trust.Seen = field(default_factory=trust.Seen)
    blobs: dict[str, bytes] = field(default_factory=dict)
    slots: dict[Slot, SlotReport] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._root = trust.pinned_root(self.root_document)
        self._topics = DeviceTopics(self.fleet, self.name)
        self._inbox: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{self.fleet}.{self.name}", protocol=mqtt.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.reconnect_delay_set(1, 1)

    def __enter__(self) -> "SimulatedDevice":
        address = urlsplit(self.url)
        self._client.connect(address.hostname or "", address.port or 1883, clean_start=False)
        self._client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, kind: str, message: Message) -> None:
        """Publish a message on one of this device's topics."""
        retain = kind in {"status", "reported"}
        self._client.publish(self._topics.of(kind), codec.encode(message), qos=1, retain=retain)

    def live_until(self, done: Callable[[], bool], timeout_s: float = 15.0) -> None:
        """Answer what comes until `done` says so; AssertionError where it never does."""
        until = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < until, f"nothing happened in {timeout_s} s"
            try:
                topic, payload = self._inbox.get(timeout=0.05)
            except queue.Empty:
                continue
            self._take(topic, payload)

    def live(self, seconds: float) -> None:
        """Answer what comes for some time."""
        until = time.monotonic() + seconds
        self.live_until(lambda: time.monotonic() >= until, seconds + 1)

    def _on_message(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        self._inbox.put((message.topic, bytes(message.payload)))

    def _on_connect(self, client: mqtt.Client, *unused: object) -> None:
        client.subscribe([(self._topics.of(kind), 1) for kind in TO_DEVICE])
        self.send("status", Status(online=True, epoch="e1", ts=time.time()))
        self._report()

    def _take(self, topic: str, payload: bytes) -> None:
        if topic == self._topics.of("desired"):
            self._desired(payload)
        elif topic == self._topics.of("label"):
            label = codec.decode(payload, Label)
            self.labels.append(label)
            if self.confirms_labels:
                self.send("label/receipt", LabelReceipt(label_ids=(label.label_id,)))
        elif topic == self._topics.of("receipt"):
            self.receipts.append(codec.decode(payload, Receipt))

    def _desired(self, document: bytes) -> None:
        desired = trust.verify_desired(self._root, document, self.fleet, self.name, self.seen)
        self.seen = trust.Seen(desired.rev, desired.document_sha256)
        for slot, ref in desired.slots.items():
            self._install("shadow" if slot == "shadow" else "active", ref)
        self._report()

    def _install(self, slot: Slot, ref: FileRef) -> None:
        if self.refuses is not None:
            self.slots[slot] = self._slot(ref, State.REJECTED, self.refuses)
            return
        files = trust.verify_release(self._root, self._fetch(ref))
        trust.check_blob(self._fetch(files.manifest), files.manifest)
        trust.check_blob(self._fetch(files.model), files.model)
        self.slots[slot] = self._slot(ref, State.ACTIVE)

    def _fetch(self, ref: FileRef) -> bytes:
        """A blob, whole from its retained topic or by pieces, as its length says."""
        if ref.sha256 not in self.blobs:
            self.blobs[ref.sha256] = self._inline(ref) if ref.length <= chunks.INLINE_BYTES else self._pull(ref)
            trust.check_blob(self.blobs[ref.sha256], ref)
        return self.blobs[ref.sha256]

    def _inline(self, ref: FileRef) -> bytes:
        self._client.subscribe(topics.blob(ref.sha256), 1)
        return self._await(lambda topic: topics.blob_digest(topic) == ref.sha256)[1]

    def _pull(self, ref: FileRef) -> bytes:
        self._client.subscribe(self._topics.chunks(ref.sha256), 1)
        got: dict[int, bytes] = {}
        while missing := set(range(chunks.count(ref.length))) - got.keys():
            bitmap = chunks.to_bitmap(missing, ref.length)
            self.send("blob/get", BlobRequest(sha256=ref.sha256, length=ref.length, missing=bitmap, window=2))
            for _ in range(min(2, len(missing))):
                topic, payload = self._await(lambda topic: self._topics.chunk_index(topic, ref.sha256) is not None)
                index = self._topics.chunk_index(topic, ref.sha256)
                assert index is not None
                got[index] = payload
        return b"".join(got[index] for index in sorted(got))

    def _await(self, wanted: Callable[[str], bool]) -> tuple[str, bytes]:
        while True:
            topic, payload = self._inbox.get(timeout=5)
            if wanted(topic):
                return topic, payload

    def _slot(self, ref: FileRef, state: State, reason: Reason | None = None) -> SlotReport:
        return SlotReport(release=ref.sha256, state=state, since=time.time(), reason=reason)

    def _report(self) -> None:
        slots: Mapping[Slot, SlotReport] = self.slots
        self.send(
            "reported",
            Reported(ts=time.time(), rev_seen=self.seen.rev, rev_applied=self.seen.rev, slots=dict(slots)),
        )
