"""Labels: ground truth on its way to a device, sent again until the device has confirmed it."""

from collections.abc import Iterable

from sqlalchemy import and_, select, update

from factory.registry import tables
from factory.registry.devices import require_device
from factory.registry.store import Store, bump, insert_new, storable
from protocol import codec
from protocol.messages import Label


class Labels(Store):
    """The part of the registry that label sources and the fleet's outbound side write."""

    def queue_labels(self, device: str, labels: Iterable[Label], now: float) -> None:
        """Keep labels for a device until it confirms them; one whose `label_id` was queued before changes nothing.

        Raises:
            BadInput: no such device, or an identifier that cannot be stored; none of the labels is kept.
        """
        with self._write() as db:
            require_device(db, device)
            new = [label for label in labels if insert_new(db, tables.labels, _row(device, label, now))]
            if new:
                bump(db)

    def pending_labels(self, device: str, limit: int = 500) -> list[Label]:
        """The labels a device has not confirmed, in the order they were queued."""
        waiting = and_(tables.labels.c.device == device, tables.labels.c.confirmed.is_(False))
        with self._read() as db:
            messages = db.execute(
                select(tables.labels.c.message).where(waiting).order_by(tables.labels.c.id).limit(limit)
            ).scalars()
            return [codec.decode(message, Label) for message in messages]

    def confirm_labels(self, device: str, label_ids: Iterable[str]) -> None:
        """The device has stored these labels. Unknown ones are ignored."""
        with self._write() as db:
            here = and_(
                tables.labels.c.device == device,
                tables.labels.c.label_id.in_(list(label_ids)),
                tables.labels.c.confirmed.is_(False),
            )
            if db.execute(update(tables.labels).where(here).values(confirmed=True)).rowcount:
                bump(db)


def _row(device: str, label: Label, now: float) -> dict[str, object]:
    return {
        "device": device,
        "label_id": storable("label.label_id", label.label_id),
        "message": codec.encode(label),
        "queued": now,
        "confirmed": False,
    }
