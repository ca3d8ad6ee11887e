"""Devices: who is enrolled, what each last said of itself, and what was last wanted of it."""

import difflib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, or_, select, true, update

from factory.errors import BadInput
from factory.registry import tables
from factory.registry.rows import DesiredRow, DeviceRow
from factory.registry.store import Store, bump, insert_new, storable
from protocol.topics import NAME_RULE, valid_name


class Devices(Store):
    """The part of the registry that enrolment, delivery and the devices' own announcements write."""

    def enrol(self, device: str, group: str, now: float) -> DeviceRow:
        """The device of this name, new or known; a known one moves to `group`.

        Raises:
            BadInput: a name that could not be part of a topic.
        """
        for where, name in (("device", device), ("group", group)):
            if not valid_name(name):
                raise BadInput(where, f"{name!r} cannot be a name", f"Use {NAME_RULE}")
        with self._write() as db:
            row = {"name": device, "group": group, "enrolled": now, "online": False, "epoch": ""}
            if not insert_new(db, tables.devices, row):
                db.execute(update(tables.devices).where(tables.devices.c.name == device).values(group=group))
            bump(db)
        return self.device(device)

    def device(self, name: str) -> DeviceRow:
        """The device of this name.

        Raises:
            BadInput: there is none; the message names the nearest ones.
        """
        with self._read() as db:
            require_device(db, name)
            return _device(db.execute(_with_desired(tables.devices.c.name == name)).one())

    def devices(self) -> list[DeviceRow]:
        """Every device, by name."""
        with self._read() as db:
            return [_device(row) for row in db.execute(_with_desired(true()))]

    def targets(self, to: str) -> list[DeviceRow]:
        """The device of this name, or else every device of the group of this name.

        Raises:
            BadInput: there is neither.
        """
        with self._read() as db:
            named = or_(tables.devices.c.name == to, tables.devices.c.group == to) if valid_name(to) else false()
            rows = [_device(row) for row in db.execute(_with_desired(named))]
            if not rows:
                raise _unknown(db, to, "device or group")
        return [row for row in rows if row.name == to] or rows

    def set_status(self, device: str, online: bool, epoch: str, now: float) -> None:
        """What a device, or the broker in its last will, says of its session `epoch`.

        The will of a session that another one has replaced comes late and is ignored. A will is no sign of life, so
        going offline leaves `last_seen` as it is.
        """
        session = storable("status.epoch", epoch)
        if online:
            self._change(device, tables.devices.c.name == device, online=True, epoch=session, last_seen=now)
        else:
            self._change(device, and_(tables.devices.c.name == device, tables.devices.c.epoch == session), online=False)

    def set_birth(self, device: str, birth: Mapping[str, object], now: float) -> None:
        """What a device says it is and can do."""
        self._change(device, tables.devices.c.name == device, birth=dict(birth), last_seen=now)

    def set_reported(self, device: str, reported: Mapping[str, object], now: float) -> None:
        """What a device says it holds."""
        self._change(device, tables.devices.c.name == device, reported=dict(reported), last_seen=now)

    def set_desired(self, device: str, desired: DesiredRow) -> None:
        """Keep what is wanted of a device from now on.

        Raises:
            BadInput: there is no such device.
            ValueError: the revision is not above the stored one; a device would take the document for a replay.
        """
        fields = {**vars(desired), "slots": dict(desired.slots)}
        with self._write() as db:
            require_device(db, device)
            older = and_(tables.desired.c.device == device, tables.desired.c.rev < desired.rev)
            if not (
                insert_new(db, tables.desired, {"device": device, **fields})
                or db.execute(update(tables.desired).where(older).values(**fields)).rowcount
            ):
                raise ValueError(f"revision {desired.rev} for {device} is not above the stored one")
            bump(db)

    def _change(self, device: str, where: ColumnElement[bool], **values: object) -> None:
        with self._write() as db:
            require_device(db, device)
            if db.execute(update(tables.devices).where(where).values(**values)).rowcount:
                bump(db)


def require_device(db: Connection, name: str) -> None:
    """Raise `BadInput` where no device has this name."""
    if (
        not valid_name(name)
        or db.execute(select(tables.devices.c.name).where(tables.devices.c.name == name)).first() is None
    ):
        raise _unknown(db, name, "device")


def _unknown(db: Connection, name: str, what: str) -> BadInput:
    known = {
        name
        for row in db.execute(select(tables.devices.c.name, tables.devices.c.group))
        for name in (row.name, row.group)
    }
    near = difflib.get_close_matches(name, sorted(known), n=3)
    cure = f"Did you mean {' or '.join(near)}" if near else "Enrol it first: factory enrol NAME"
    return BadInput(what, f"{name!r} is unknown", cure)


def _with_desired(where: ColumnElement[bool]) -> Select[Any]:
    """Devices with their desired row beside them, by name."""
    wanted = [column.label(f"desired_{column.name}") for column in tables.desired.c]
    return select(tables.devices, *wanted).outerjoin(tables.desired).where(where).order_by(tables.devices.c.name)


def _device(row: Row[Any]) -> DeviceRow:
    fields = row._asdict()
    wanted = {column.name: fields.pop(f"desired_{column.name}") for column in tables.desired.c}
    return DeviceRow(**fields, desired=DesiredRow(**wanted) if wanted.pop("device") else None)
