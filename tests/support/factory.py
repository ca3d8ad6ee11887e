"""A whole factory in memory, speaking `protocol` over a real broker: what the agent is tested against."""

import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.accuracy import merge
from protocol import chunks, codec, manifest, topics
from protocol.messages import (
    Birth,
    BlobRequest,
    JobEvent,
    Label,
    LabelReceipt,
    Metrics,
    Receipt,
    Reported,
    State,
    Status,
)
from protocol.topics import DeviceTopics, ingest, parse_from_device
from protocol.trust import FileRef
from tests.support.keys import NEVER, Keys, make_keys, sign_desired, sign_release, signed_root
from tests.support.tiny_model import Tiny


@dataclass
class SimulatedFactory:
    """Answers one device; `generous` False: it sends no pieces; `confirms` False: it sends no receipts."""

    url: str
    fleet: str = "home"
    device: str = "pi"
    keys: Keys = field(default_factory=make_keys)
    inline: bool = True
    generous: bool = True
    confirms: bool = True
    corrupt: Callable[[int, bytes], bytes] = lambda index, piece: piece
    rev: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    births: list[Birth] = field(default_factory=list)
    reports: list[Reported] = field(default_factory=list)
    requests: list[BlobRequest] = field(default_factory=list)
    confirmed: set[str] = field(default_factory=set)
    metrics: dict[tuple[str, int], Metrics] = field(default_factory=dict)
    events: dict[tuple[str, int], JobEvent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._topics = DeviceTopics(self.fleet, self.device)
        self._inbox: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{self.fleet}.factory", protocol=mqtt.MQTTv5)
        self._client.on_message = lambda client, userdata, message: self._inbox.put(
            (message.topic, bytes(message.payload))
        )
        self._client.on_connect = self._on_connect
        self._client.reconnect_delay_set(1, 1)

    @property
    def root(self) -> bytes:
        """What devices are to trust."""
        return signed_root(self.keys)

    def __enter__(self) -> "SimulatedFactory":
        address = urlsplit(self.url)
        self._client.connect(address.hostname or "", address.port or 1883, clean_start=True)
        self._client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish_release(self, model: Tiny, keys: Keys | None = None) -> FileRef:
        """Make a release's files available; the reference that a desired document names it by."""
        payload = manifest.encode(model.manifest)
        document = sign_release(keys or self.keys, payload, model.onnx)
        for blob in (document, payload, model.onnx):
            self.blobs[chunks.digest(blob)] = blob
            if self.inline and len(blob) <= chunks.INLINE_BYTES:
                self._client.publish(topics.blob(chunks.digest(blob)), blob, qos=1, retain=True)
        return FileRef.of(document)

    def want(self, slots: Mapping[str, FileRef], expires: datetime = NEVER) -> bytes:
        """Ask the device for this, under the next revision; the document."""
        self.rev += 1
        document = sign_desired(self.keys, self.fleet, self.device, self.rev, slots, expires)
        self.send_desired(document)
        return document

    def send_desired(self, document: bytes) -> None:
        """Publish a desired document as it is."""
        self._client.publish(self._topics.of("desired"), document, qos=1, retain=True)

    def send_labels(self, labels: list[Label]) -> None:
        """Send ground truth once."""
        for label in labels:
            self._client.publish(self._topics.of("label"), codec.encode(label), qos=1)

    def live_until(self, done: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Answer what comes until `done` says so; AssertionError where it never does."""
        until = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < until, f"nothing happened in {timeout_s} s; {self.timeline()}"
            self.live(0.05)

    def live(self, seconds: float) -> None:
        """Answer what comes for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                self._take(*self._inbox.get(timeout=left))
            except queue.Empty:
                return

    def states(self, release: FileRef) -> list[State]:
        """The steps of a release, in the order they were told."""
        told = [self.events[key] for key in sorted(self.events)]
        return [event.state for event in told if event.release == release.sha256]

    def last_event(self) -> JobEvent | None:
        """The last step that was told."""
        return self.events[max(self.events)] if self.events else None

    def runs(self, release: FileRef) -> bool:
        """Whether the device says that it runs this release."""
        return bool(self.reports) and self.reports[-1].running == release.sha256

    def totals(self, release: FileRef, slot: str = "active") -> Metrics | None:
        """All counts of a release, each message once."""
        total: Metrics | None = None
        for one in self.metrics.values():
            if one.release == release.sha256 and one.slot == slot:
                total = one if total is None else merge(total, one)
        return total

    def counted(self, release: FileRef, slot: str = "active") -> tuple[int, int]:
        """(windows, labelled windows) of a release."""
        total = self.totals(release, slot)
        return (total.n, total.n_labelled) if total else (0, 0)

    def timeline(self) -> str:
        """Everything that was told, for a failing test."""
        told = [f"{one.state}({one.reason}: {one.text})" for _, one in sorted(self.events.items())]
        return f"events {told}, metrics {[(m.seq, m.n, m.n_labelled) for m in self.metrics.values()]}"

    def _on_connect(self, client: mqtt.Client, userdata: object, flags: object, code: ReasonCode, rest: object) -> None:
        client.subscribe([(topic, 1) for topic in ingest(self.fleet)])

    def _take(self, topic: str, payload: bytes) -> None:
        parsed = parse_from_device(topic)
        if parsed is None or parsed[1] != self.device:
            return
        match parsed[2]:
            case "status":
                self.statuses.append(codec.decode(payload, Status))
            case "birth":
                self.births.append(codec.decode(payload, Birth))
            case "reported":
                self.reports.append(codec.decode(payload, Reported))
            case "blob/get":
                self._send_pieces(codec.decode(payload, BlobRequest))
            case "label/receipt":
                self.confirmed.update(codec.decode(payload, LabelReceipt).label_ids)
            case "m":
                metrics = codec.decode(payload, Metrics)
                known = self.metrics.setdefault((metrics.outbox, metrics.seq), metrics)
                assert known == metrics, "a number was used twice"
                self._confirm(metrics.outbox, metrics.seq)
            case "job":
                event = codec.decode(payload, JobEvent)
                self.events[(event.outbox, event.seq)] = event
                self._confirm(event.outbox, event.seq)

    def _confirm(self, outbox: str, seq: int) -> None:
        if self.confirms:
            self._client.publish(self._topics.of("receipt"), codec.encode(Receipt(outbox=outbox, seqs=(seq,))), qos=1)

    def _send_pieces(self, request: BlobRequest) -> None:
        self.requests.append(request)
        blob = self.blobs.get(request.sha256)
        if blob is None or not self.generous:
            return
        for index in chunks.from_bitmap(request.missing, len(blob))[: request.window]:
            piece = self.corrupt(index, blob[slice(*chunks.span(index, len(blob)))])
            self._client.publish(self._topics.chunk(request.sha256, index), piece, qos=1)
