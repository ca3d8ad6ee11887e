"""Files of releases on disk, each under its SHA-256, and the pieces of those that are still on their way.

Rules
1. A file stands under its digest only when all of it has been verified; it gets there by a rename.
2. Pieces lie in `{sha256}.part/{number}`, so a killed download goes on with what it has. They are believed only as a
   whole.
3. What is read back is verified again: disks forget too.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from edge_agent.errors import Refused
from protocol import chunks, trust
from protocol.errors import Untrusted
from protocol.messages import Reason
from protocol.trust import FileRef


class Blobs:
    """The folder that holds them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def get(self, ref: FileRef) -> bytes | None:
        """The bytes of a verified file (rule 3); None where there are none, or where they have rotted."""
        path = self._folder / ref.sha256
        try:
            blob = path.read_bytes()
            trust.check_blob(blob, ref)
        except FileNotFoundError:
            return None
        except Untrusted:
            if chunks.digest(blob) != ref.sha256:  # not only asked for with a wrong length
                path.unlink()
            return None
        return blob

    def put(self, blob: bytes, ref: FileRef) -> None:
        """Keep a whole file (rule 1).

        Raises:
            Refused: wrong length or digest, or the disk is full.
        """
        try:
            trust.check_blob(blob, ref)
            write_atomic(self._folder / ref.sha256, blob)
        except Untrusted as error:
            raise Refused(error.reason, str(error)) from error
        except OSError as error:
            raise Refused(Reason.DISK_FULL, f"{ref.length} bytes cannot be stored: {error.strerror}") from error

    def missing(self, ref: FileRef) -> list[int]:
        """The numbers of the pieces that are not there yet, in order."""
        present = {path.name: path.stat().st_size for path in self._parts(ref).glob("*[0-9]")}
        return [i for i in range(chunks.count(ref.length)) if present.get(str(i)) != _piece_length(i, ref.length)]

    def put_piece(self, ref: FileRef, index: int, piece: bytes) -> bool:
        """Keep one piece (rule 2); False where no piece of this number and length belongs to the blob.

        Raises:
            Refused: the disk is full.
        """
        if not 0 <= index < chunks.count(ref.length) or len(piece) != _piece_length(index, ref.length):
            return False
        folder = self._parts(ref)
        draft = folder / f"{index}.draft"
        try:
            folder.mkdir(exist_ok=True)
            draft.write_bytes(piece)
            draft.replace(folder / str(index))
        except OSError as error:
            raise Refused(Reason.DISK_FULL, f"piece {index} cannot be stored: {error.strerror}") from error
        return True

    def assemble(self, ref: FileRef) -> bytes:
        """Make the verified file out of its pieces, which are gone afterwards either way.

        Raises:
            Refused: the pieces are not the blob, or the disk is full.
        """
        folder = self._parts(ref)
        blob = b"".join((folder / str(i)).read_bytes() for i in range(chunks.count(ref.length)))
        try:
            self.put(blob, ref)
        finally:
            shutil.rmtree(folder)
        return blob

    def keep_only(self, needed: Iterable[str]) -> None:
        """Delete every file and every piece of a file whose digest is not needed."""
        names = set(needed)
        for path in self._folder.iterdir():
            if path.name.partition(".")[0] not in names:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def free_bytes(self) -> int:
        """What the disk has left."""
        return shutil.disk_usage(self._folder).free

    def _parts(self, ref: FileRef) -> Path:
        return self._folder / f"{ref.sha256}.part"


def write_atomic(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all, and to the disk, not only to memory."""
    draft = path.with_name(f"{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _piece_length(index: int, length: int) -> int:
    first, end = chunks.span(index, length)
    return end - first
