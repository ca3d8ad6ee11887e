"""`slots.json`: what the slots hold and what is wanted of them, on disk before it is acted upon. Switched by one
rename.
"""

from pathlib import Path

import msgspec

from edge_agent.blobs import write_atomic
from edge_agent.errors import BadConfig
from edge_agent.lifecycle import SlotsState

MAX_BYTES = 1_000_000


class SlotStore:
    """The file, and the value that it holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.state = _read(path)

    def save(self, state: SlotsState) -> None:
        """Make this the state, now and after a crash."""
        if state != self.state:
            write_atomic(self._path, msgspec.json.format(msgspec.json.encode(state)))
            self.state = state


def _read(path: Path) -> SlotsState:
    try:
        return msgspec.json.decode(path.read_bytes()[:MAX_BYTES], type=SlotsState)
    except FileNotFoundError:
        return SlotsState()
    except msgspec.DecodeError as error:
        cure = "Move it away: the factory sends what belongs there again"
        raise BadConfig(str(path), f"cannot be read: {error}", cure) from error
