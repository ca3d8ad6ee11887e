"""numpy archives, opened with care; what the arrays mean is in `arrays`.

Rules
1. Nothing is unpickled.
2. What an archive declares is read and added up before memory is set aside for it.
3. Arrays that `arrays` does not know are left alone.
"""

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from factory.data.limits import LIMITS
from factory.data.source import Source
from factory.data.sources.arrays import KNOWN, Arrays
from factory.data.taskfile import Columns
from factory.errors import BadInput

_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


def read(path: Path, columns: Columns) -> Source:
    """The windows or streams in an archive.

    Raises:
        BadInput: it is no archive, holds pickles, is too large, or its arrays do not fit each other.
    """
    if columns != Columns():
        raise BadInput("task.columns", f"{path.name} has no columns to name", "Leave the section out")
    with _readable(path):
        _check_declared(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files if name in KNOWN}
    return Arrays(path, arrays).source()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        why = (str(error).splitlines() or ["it ends too early"])[0]
        cure = "Save it again with numpy.savez_compressed"
        raise BadInput(path.name, f"it cannot be read as an .npz archive ({why})", cure) from error


def _check_declared(path: Path) -> None:
    """Rules 1 and 2, from the headers alone."""
    total = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            if name in KNOWN:
                shape, dtype = _header(archive, member)
                if dtype.hasobject:
                    problem = "it holds Python objects, which only pickle can read"
                    raise BadInput(f"{path.name}: {name}", problem, "Save it as an array of numbers or of text")
                total += abs(math.prod(shape)) * max(dtype.itemsize, np.dtype(np.float32).itemsize)
    if total > LIMITS.max_array_bytes:
        problem = f"its arrays declare {total} bytes, over the limit of {LIMITS.max_array_bytes}"
        raise BadInput(path.name, problem, "Split the data into several files, or thin it out")


def _header(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with archive.open(member) as file:
        first = np.lib.format.read_magic(file) == (1, 0)
        read_header = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
    return shape, dtype
