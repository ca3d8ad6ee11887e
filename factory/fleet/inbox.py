"""What devices tell the factory: each message checked, stored, and answered where the device waits for an answer.

Rules
1. A message that is malformed, from another fleet or from a device that is not enrolled is dropped with a line in the
   log.
2. Storing is idempotent: a message that comes twice is counted once, and answered both times.
3. A receipt is sent after a message has been stored, or counts have been refused for good: the device would otherwise
   send them for ever. The refusal is in the log.
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from factory.errors import BadInput
from factory.fleet import delivery
from factory.fleet.link import Outgoing
from factory.registry import Registry
from factory.registry.rows import EventRow
from protocol import codec, messages
from protocol.errors import Malformed
from protocol.topics import DeviceTopics, parse_from_device

log = logging.getLogger(__name__)

Answer = list[Outgoing]


class Inbox:
    """Stores what the devices of one fleet send."""

    def __init__(self, registry: Registry, fleet: str) -> None:
        self._registry = registry
        self._fleet = fleet
        self._kinds: dict[str, Callable[[str, bytes, float], Answer]] = {
            "status": self._status,
            "birth": self._birth,
            "reported": self._reported,
            "job": self._job,
            "m": self._metrics,
            "blob/get": self._blob_get,
            "label/receipt": self._label_receipt,
        }

    def take(self, topic: str, payload: bytes, now: float) -> Answer:
        """Store one message; what to publish in answer."""
        parsed = parse_from_device(topic)
        if parsed is None or parsed[0] != self._fleet:
            log.warning("dropped: no topic of this fleet: %.120r", topic)
            return []
        _, device, kind = parsed
        try:
            return self._kinds[kind](device, payload, now)
        except (Malformed, BadInput) as error:
            log.warning("dropped %s of %s: %s", kind, device, error)
            return []

    def _status(self, device: str, payload: bytes, now: float) -> Answer:
        status = codec.decode(payload, messages.Status)
        self._registry.set_status(device, status.online, status.epoch, now)
        return []

    def _birth(self, device: str, payload: bytes, now: float) -> Answer:
        birth = codec.decode(payload, messages.Birth)
        self._registry.set_birth(device, _plain(birth), now)
        return delivery.announce(self._registry, self._fleet, device)

    def _reported(self, device: str, payload: bytes, now: float) -> Answer:
        self._registry.set_reported(device, _plain(codec.decode(payload, messages.Reported)), now)
        return []

    def _job(self, device: str, payload: bytes, now: float) -> Answer:
        del now
        step = codec.decode(payload, messages.JobEvent)
        self._registry.add_event(
            device,
            EventRow(
                id=0,
                key=f"{step.outbox}/{step.seq}",
                device=device,
                ts=step.ts,
                state=step.state,
                reason=step.reason,
                text=step.text,
                slot=step.slot,
                release=step.release,
                rev=step.rev,
            ),
        )
        return self._receipt(device, step.outbox, step.seq)

    def _metrics(self, device: str, payload: bytes, now: float) -> Answer:
        metrics = codec.decode(payload, messages.Metrics)
        try:
            self._registry.add_metrics(device, metrics, now)
        except BadInput as error:
            log.warning("refused metrics %s/%d of %s: %s", metrics.outbox, metrics.seq, device, error)
        return self._receipt(device, metrics.outbox, metrics.seq)

    def _blob_get(self, device: str, payload: bytes, now: float) -> Answer:
        del now
        request = codec.decode(payload, messages.BlobRequest)
        return delivery.pieces(self._registry, DeviceTopics(self._fleet, device), request)

    def _label_receipt(self, device: str, payload: bytes, now: float) -> Answer:
        del now
        self._registry.confirm_labels(device, codec.decode(payload, messages.LabelReceipt).label_ids)
        return []

    def _receipt(self, device: str, outbox: str, seq: int) -> Answer:
        receipt = messages.Receipt(outbox=outbox, seqs=(seq,))
        return [Outgoing(DeviceTopics(self._fleet, device).of("receipt"), codec.encode(receipt))]


def _plain(message: messages.Message) -> dict[str, Any]:
    """A message as JSON values, with the fields this version does not know."""
    plain: dict[str, Any] = msgspec.json.decode(codec.encode(message))
    return plain
