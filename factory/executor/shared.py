"""Where the function that a worker runs finds its arrays, wherever that worker is."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MemoryFile = tuple[str, str, str, tuple[int, ...]]  # name, path, dtype, shape

_delivered: dict[str, Mapping[str, Array]] = {}


@dataclass(frozen=True)
class Shared:
    """What stands for arrays in the arguments of work: it travels, they do not travel with it."""

    arrays: tuple[MemoryFile, ...] = ()  # of this machine
    parcel: str = ""  # or the name under which they were delivered to every process that needs them
    number: int = 0  # tells apart what is handed over at the same path, one after the other

    def load(self) -> Mapping[str, Array]:
        """The arrays by name, read once a process; what a worker writes to them stays its own."""
        return _delivered[self.parcel] if self.parcel else _mapped(self)


def deliver(parcel: str, arrays: Mapping[str, Array]) -> None:
    """Give this process the arrays of a parcel."""
    _delivered[parcel] = arrays


def take_back(parcel: str) -> None:
    """Let go of the arrays of a parcel."""
    _delivered.pop(parcel, None)


@functools.lru_cache(maxsize=4)
def _mapped(shared: Shared) -> Mapping[str, Array]:
    return {name: _map(path, kind, shape) for name, path, kind, shape in shared.arrays}


def _map(path: str, kind: str, shape: tuple[int, ...]) -> Array:
    """A file's array; where it is empty there is nothing to map."""
    return np.memmap(path, dtype=kind, mode="c", shape=shape) if 0 not in shape else np.empty(shape, dtype=kind)
