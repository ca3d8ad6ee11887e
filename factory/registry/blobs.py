"""Bytes named by their SHA-256, one file each, under `blobs/ab/abcd...`.

Rules
1. A file appears under its name whole or not at all: temporary file in the same folder, fsync, replace, fsync of the
   folder.
2. Two writers of the same bytes write the same file; whichever replaces last changes nothing.
3. Bytes are believed only after their digest was taken again; a damaged file is mended by putting its bytes once more.
"""

import os
import re
import tempfile
from pathlib import Path

from factory.errors import BadInput
from protocol.chunks import digest

_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """A folder of blobs. Safe for any number of threads and processes at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        _make_folder(root)

    def put(self, blob: bytes) -> str:
        """Keep these bytes and return their SHA-256; they are on disk when this returns."""
        sha256 = digest(blob)
        target = self._file(sha256)
        if not (target.is_file() and digest(target.read_bytes()) == sha256):
            _make_folder(target.parent)
            _write_atomically(target, blob)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of this digest.

        Raises:
            KeyError: there is no such blob.
            BadInput: the file is there but damaged.
        """
        path = self.path(sha256)
        blob = path.read_bytes()
        if digest(blob) != sha256:
            raise BadInput(
                f"blob {sha256}", f"{path} is damaged", "Restore that file, or publish the same release again"
            )
        return blob

    def has(self, sha256: str) -> bool:
        """Whether there is a blob of this digest."""
        return _SHA256.fullmatch(sha256) is not None and self._file(sha256).is_file()

    def path(self, sha256: str) -> Path:
        """The file that holds a blob, for reading only; unlike `get` it is not verified.

        Raises:
            KeyError: there is no such blob.
        """
        if not self.has(sha256):
            raise KeyError(sha256)
        return self._file(sha256)

    def _file(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256


def _make_folder(folder: Path) -> None:
    """The folder, on disk (rule 1)."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _write_atomically(target: Path, blob: bytes) -> None:
    """Rule 1."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """A new name in a folder survives a power cut only once the folder itself is on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
