"""Data sets that pip packages ship, read without importing the package.

Rules
1. A set is a row of `PACKAGES`: the pip package, the file in it, and the function that turns the file into a `Source`.
2. A pickled file is read by `ArraysOnly`, which rebuilds numpy arrays and builtin containers and refuses every other
   name, so that the file can hold data but not behaviour.
"""

import importlib.util
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from factory.artifacts import Recording
from factory.data.source import Source, check_finite, nearest, to_float32
from factory.data.taskfile import Columns
from factory.errors import BadInput


@dataclass(frozen=True)
class Shipped:
    """One data set of one pip package (rule 1)."""

    package: str
    file: str
    read: Callable[[Path, str], Source]


def read(name: str, columns: Columns) -> Source:
    """The set called `package:NAME`.

    Raises:
        BadInput: there is no such set, its package is not installed, or the task file names columns.
    """
    where = f"package:{name}"
    if name not in PACKAGES:
        raise BadInput("data", f"there is no set {where!r}", nearest(where, (f"package:{known}" for known in PACKAGES)))
    if columns != Columns():
        raise BadInput("task.columns", f"{where} has no columns to name", "Leave the section out")
    shipped = PACKAGES[name]
    path = _folder(shipped.package) / shipped.file
    if not path.is_file():
        problem = f"the pip package {shipped.package!r} that ships it is not installed"
        raise BadInput(where, problem, f"Run: pip install {shipped.package}")
    return shipped.read(path, name)


def _folder(package: str) -> Path:
    """Where a package's files are; a folder that does not exist where it is not installed. Does not import it."""
    spec = importlib.util.find_spec(package)
    return Path(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else package)


def _read_seglearn_watch(path: Path, name: str) -> Source:
    """140 recordings of 7 shoulder exercises by 10 people with a smartwatch (Burns et al. 2018, arXiv:1802.01489)."""
    data = read_pickled_arrays(path)
    channels, classes = tuple(data["X_labels"]), tuple(data["y_labels"])
    recordings = []
    for index, samples in enumerate(data["X"]):
        group, y = f"s{int(data['subject'][index]):02d}", int(data["y"][index])
        side = "right" if data["side"][index] == 1 else "left"
        labels = np.full(len(samples), y, dtype=np.int64)
        recordings.append(Recording(f"{group}-{classes[y]}-{side}-{index:03d}", group, to_float32(samples), labels))
    everything = np.concatenate([recording.samples for recording in recordings])
    check_finite(everything, f"package:{name}", channels, "row {}".format)
    units = tuple("g" if channel.startswith("a") else "rad/s" for channel in channels)
    return Source(f"package:{name}", name, classes, channels, units, 50.0, tuple(recordings))


class ArraysOnly(pickle.Unpickler):
    """Rebuilds numpy arrays; every other name in the file is an error (rule 2)."""

    def find_class(self, module: str, name: str) -> Any:
        """The harmless object of this name."""
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}")
        return _ADMITTED[module, name]


def _latin1(text: str, encoding: str) -> bytes:
    """What protocol 2 pickles call `_codecs.encode` for: bytes written as text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"the file asks for the encoding {encoding!r}")
    return text.encode("latin1")


def _empty_array(kind: type, shape: tuple[int, ...], _typecode: bytes) -> Any:
    """What numpy's pickles start an array from, before its state is set."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError(f"the file asks for an array of {kind}")
    return np.ndarray(shape, dtype=np.int8)


_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("_codecs", "encode"): _latin1,
}


def read_pickled_arrays(path: Path) -> Any:
    """The one object that an .npy file of dtype object holds, made of arrays and builtin containers.

    Raises:
        BadInput: the file is damaged or asks for anything else.
    """
    try:
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            value = ArraysOnly(file).load()
    except (pickle.UnpicklingError, ValueError, EOFError) as error:
        raise BadInput(path.name, f"the package's file cannot be read: {error}", "Install the package again") from error
    return value.item() if isinstance(value, np.ndarray) and value.shape == () else value


PACKAGES = {"seglearn-watch": Shipped("seglearn", "data/watch_dataset.npy", _read_seglearn_watch)}
