"""What devices tell: their timelines, and counts that are added up exactly once.

Rules
1. A message is known by the device's outbox and its number there. It is added up in the transaction that notes it as
   known, so however often and in whatever order messages come, each counts once.
2. What a device may not say is refused whole: unknown device or release, counts that are none of that release (see
   `counts`). How many classes a release has is read from its manifest, never from what a device has sent.
"""

from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, select, update

from factory.errors import BadInput
from factory.registry import tables
from factory.registry.blobs import BlobStore
from factory.registry.counts import Counts
from factory.registry.devices import require_device
from factory.registry.rows import EventRow, PointRow, TotalsRow
from factory.registry.store import Store, bump, insert_new, storable
from protocol import manifest
from protocol.messages import Metrics

_EVENT_FIELDS = [column for column in tables.events.c if column.name != "id"]


class Telemetry(Store):
    """The part of the registry that the fleet's inbox writes."""

    def __init__(self, engine: Engine, blobs: BlobStore) -> None:
        super().__init__(engine, blobs)
        self._classes: dict[str, int] = {}  # by release, which never changes

    def add_event(self, device: str, event: EventRow) -> bool:
        """Add a line to a device's timeline; False where an event with its key is there already.

        Raises:
            BadInput: no such device, or text that cannot be stored.
        """
        fields = {**vars(event), "device": device}
        del fields["id"]
        for name in ("key", "state", "reason", "text", "slot", "release"):
            storable(f"event.{name}", fields[name] or "")
        with self._write() as db:
            require_device(db, device)
            new = insert_new(db, tables.events, fields)
            if new:
                bump(db)
        return new

    def events(self, device: str | None = None, limit: int = 100, after: int = 0) -> list[EventRow]:
        """The last `limit` events with an id above `after`, newest first, of one device or of all."""
        query = select(tables.events).where(tables.events.c.id > after).order_by(tables.events.c.id.desc()).limit(limit)
        if device is not None:
            query = query.where(tables.events.c.device == device)
        with self._read() as db:
            return [EventRow(**row._asdict()) for row in db.execute(query)]

    def add_metrics(self, device: str, metrics: Metrics, now: float) -> bool:
        """Add a message's counts to the totals (rule 1); False where it was added before.

        Raises:
            BadInput: the device may not say this (rule 2); nothing is changed.
        """
        counts = Counts.of(metrics, self._class_count(metrics.release))
        point = {
            "slot": metrics.slot,
            "release": metrics.release,
            "t": metrics.t1,
            "n": metrics.n,
            "n_labelled": metrics.n_labelled,
        }
        n_correct = sum(row[i] for i, row in enumerate(metrics.confusion))
        known_by = {"device": device, "outbox": storable("metrics.outbox", metrics.outbox), "seq": metrics.seq}
        with self._write() as db:
            require_device(db, device)
            if not insert_new(db, tables.metrics, {**known_by, **point, "n_correct": n_correct}):
                return False
            _add(db, {"device": device, "slot": metrics.slot, "release": metrics.release}, counts)
            db.execute(update(tables.devices).where(tables.devices.c.name == device).values(last_seen=now))
            bump(db)
        return True

    def totals(self, device: str, release: str | None = None, slot: str = "active") -> list[TotalsRow]:
        """What a device has counted in a slot, one row a release, the latest first; or of `release` alone."""
        query = (
            select(tables.totals)
            .where(tables.totals.c.device == device, tables.totals.c.slot == slot)
            .order_by(tables.totals.c.t1.desc(), tables.totals.c.release)
        )
        if release is not None:
            query = query.where(tables.totals.c.release == release)
        with self._read() as db:
            return [_totals(row) for row in db.execute(query)]

    def series(self, device: str, release: str, limit: int = 200) -> list[PointRow]:
        """The last `limit` messages of counts about a release in any slot, oldest first."""
        columns = (tables.metrics.c.t, tables.metrics.c.n, tables.metrics.c.n_labelled, tables.metrics.c.n_correct)
        about = and_(tables.metrics.c.device == device, tables.metrics.c.release == release)
        query = (
            select(*columns).where(about).order_by(tables.metrics.c.t.desc(), tables.metrics.c.seq.desc()).limit(limit)
        )
        with self._read() as db:
            return [PointRow(**row._asdict()) for row in db.execute(query)][::-1]

    def _class_count(self, release: str) -> int:
        """How many classes a release tells apart (rule 2)."""
        if release not in self._classes:
            with self._read() as db:
                sha256 = db.execute(
                    select(tables.releases.c.manifest).where(tables.releases.c.release == release)
                ).scalar_one_or_none()
            if sha256 is None:
                raise BadInput("metrics.release", f"{release} is unknown", "Publish the release from this factory")
            if not self.blobs.has(sha256):
                raise BadInput(
                    "metrics.release",
                    f"the manifest of {release} is not among the blobs",
                    "Put the manifest's bytes there again",
                )
            self._classes[release] = len(manifest.decode(self.blobs.get(sha256)).classes)
        return self._classes[release]


def _add(db: Connection, key: dict[str, str], counts: Counts) -> None:
    """Rule 1: in the caller's transaction. The row is locked, so on PostgreSQL no other process adds in between."""
    if insert_new(db, tables.totals, {**key, **vars(counts)}):
        return
    here = and_(*(tables.totals.c[name] == value for name, value in key.items()))
    stored = _counts(db.execute(select(tables.totals).where(here).with_for_update()).one())
    db.execute(update(tables.totals).where(here).values(**vars(stored.plus(counts))))


def _counts(row: Row[Any]) -> Counts:
    fields = {name: value for name, value in row._asdict().items() if name not in ("device", "slot", "release")}
    fields["confusion"] = tuple(map(tuple, fields["confusion"]))
    return Counts(**{**fields, "predicted": tuple(fields["predicted"])})


def _totals(row: Row[Any]) -> TotalsRow:
    fields = vars(_counts(row)).copy()
    busy_s, wall_s = fields.pop("busy_us") / 1e6, fields.pop("wall_us") / 1e6
    return TotalsRow(slot=row.slot, release=row.release, busy_s=busy_s, wall_s=wall_s, **fields)
