"""Where samples come from. One source a file; each is found by its name, so a new one touches nothing else.

Rules
1. The `kind` of the `[sensor]` table names a module of this folder, or an entry point of the group `cygnet.sensors`:
   a class with `create(options, folder)`, where `options` is the rest of the table and `folder` is the configuration
   file's.
2. `open(position)` goes on at a position that windowing has given; a source that cannot go back begins where it is.
3. A stream may end; it ends without an error. `SensorFailed` means: opening it again may help.
"""

import difflib
import importlib
import pkgutil
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from edge_agent.errors import BadConfig
from edge_agent.windowing import Position, Reading
from protocol.messages import SensorInfo

GROUP = "cygnet.sensors"


class Sensor(Protocol):
    """A source of samples."""

    @property
    def info(self) -> SensorInfo:
        """What it gives: channels in their order, and samples per second."""

    def open(self, position: Position | None) -> AsyncIterator[Reading]:
        """The samples from `position` on, or from the beginning.

        Raises:
            SensorFailed: while it is read.
        """


class SensorKind(Protocol):
    """What a module of this folder offers as `SENSOR`, and what an entry point names."""

    def create(self, options: Mapping[str, object], folder: Path) -> Sensor:
        """The sensor with these options.

        Raises:
            BadConfig: an option is wrong.
        """


def create(table: Mapping[str, object], folder: Path) -> Sensor:
    """The sensor of a `[sensor]` table (rule 1).

    Raises:
        BadConfig: there is no such kind, or an option is wrong.
    """
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise BadConfig("sensor.kind", "is missing", f"Set it to one of: {', '.join(kinds())}")
    options = {key: value for key, value in table.items() if key != "kind"}
    return _find(kind).create(options, folder)


def kinds() -> list[str]:
    """The names of every source that is installed."""
    own = {module.name for module in pkgutil.iter_modules(__path__)}
    return sorted(own | {entry.name for entry in entry_points(group=GROUP)})


def _find(kind: str) -> SensorKind:
    if kind in {module.name for module in pkgutil.iter_modules(__path__)}:
        found: SensorKind = importlib.import_module(f"{__name__}.{kind}").SENSOR
        return found
    for entry in entry_points(group=GROUP, name=kind):
        loaded: SensorKind = entry.load()
        return loaded
    near = difflib.get_close_matches(kind, kinds(), n=1, cutoff=0.5)
    cure = f"Did you mean {near[0]}" if near else f"Known kinds: {', '.join(kinds())}"
    raise BadConfig("sensor.kind", f"{kind!r} is not installed", cure)
