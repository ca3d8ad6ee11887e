"""Turns what a form or a program asked for into a push job, which the fleet service carries out."""

from collections.abc import Mapping
from typing import get_args

from factory.errors import BadInput
from factory.registry.rows import JobRow
from factory.web.context import web
from protocol.messages import Slot

SLOTS: tuple[str, ...] = get_args(Slot)


def submit(wanted: Mapping[str, object], by: str) -> JobRow:
    """Queue a push of `wanted`: release, to (a device or a group) and slot (default "active").

    Raises:
        BadInput: one of them is missing, or names nothing that this factory has.
    """
    registry = web().registry
    release = registry.release(_text(wanted, "release", "Choose a model"))
    to = _text(wanted, "to", "Choose a device or a group")
    registry.targets(to)
    slot = wanted.get("slot", SLOTS[0])
    if slot not in SLOTS:
        raise BadInput("slot", f"{slot!r} is no slot", f"Use one of {', '.join(SLOTS)}")
    return registry.submit("push", {"release": release.release, "to": to, "slot": slot}, by, web().now())


def _text(wanted: Mapping[str, object], name: str, cure: str) -> str:
    value = wanted.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(name, "nothing was chosen", cure)
    return value
