"""How a blob is cut, asked for and put together again. Pure: bytes in, bytes out.

Rules
1. Piece i holds bytes i*CHUNK_BYTES up to (i+1)*CHUNK_BYTES of the blob; only the last may be shorter.
2. A request names the pieces it lacks as a bitmap, base64 of bytes whose bit i%8 of byte i//8 is 1 for a missing piece.
3. Pieces may come in any order and any number of times; a piece of the wrong length or number is refused.
4. A blob of at most `INLINE_BYTES` is also published whole, retained, on its own topic.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable

from protocol.errors import Malformed

CHUNK_BYTES = 64 * 1024
INLINE_BYTES = 64 * 1024
MAX_BLOB_BYTES = 64 * 1024 * 1024


def digest(blob: bytes) -> str:
    """SHA-256, in hexadecimal: the name of a blob everywhere."""
    return hashlib.sha256(blob).hexdigest()


def count(length: int) -> int:
    """How many pieces a blob of `length` bytes has (rule 1).

    Raises:
        Malformed: no blob may have this length.
    """
    if not 0 < length <= MAX_BLOB_BYTES:
        raise Malformed(f"a blob of {length} bytes: allowed are 1 to {MAX_BLOB_BYTES}")
    return -(-length // CHUNK_BYTES)


def span(index: int, length: int) -> tuple[int, int]:
    """First byte and byte after the last of piece `index` of a blob of `length` bytes.

    Raises:
        Malformed: the blob has no such piece (rule 3).
    """
    if not 0 <= index < count(length):
        raise Malformed(f"piece {index} of a blob of {count(length)} pieces")
    return index * CHUNK_BYTES, min((index + 1) * CHUNK_BYTES, length)


def to_bitmap(missing: Iterable[int], length: int) -> str:
    """The bitmap that asks for these pieces (rule 2)."""
    bits = bytearray(-(-count(length) // 8))
    for index in missing:
        span(index, length)
        bits[index // 8] |= 1 << (index % 8)
    return base64.b64encode(bits).decode()


def from_bitmap(bitmap: str, length: int) -> list[int]:
    """The pieces a bitmap asks for, in order.

    Raises:
        Malformed: not base64, or not of the size this blob needs.
    """
    try:
        bits = base64.b64decode(bitmap, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"the bitmap is not base64: {error}") from error
    if len(bits) != -(-count(length) // 8):
        raise Malformed(f"a bitmap of {len(bits)} bytes for a blob of {count(length)} pieces")
    return [index for index in range(count(length)) if bits[index // 8] >> (index % 8) & 1]
