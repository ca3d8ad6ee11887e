"""What passes between the agent and the child process that runs a model: frames over its standard input and output.

Rules
1. A frame is its length (4 bytes, little endian), a kind (1 byte) and that many bytes. No frame is longer than
   `MAX_BYTES`.
2. The child speaks first: HELLO. Then every request has one answer: READY, ANSWERS or ERROR.
3. Windows and answers are float32, times are float64 microseconds, all little endian.

Standard library and numpy only: the child loads nothing it does not need.
"""

import json
import struct
from enum import IntEnum
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

MAX_BYTES = 80 * 1024 * 1024
HEAD = struct.Struct("<IB")

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


class Kind(IntEnum):
    """What a frame says."""

    HELLO = 1  # child: JSON facts about the runtime
    LOAD = 2  # agent: JSON contract, newline, model bytes
    READY = 3  # child: the model is loaded
    RUN = 4  # agent: windows [n, time, channels]
    ANSWERS = 5  # child: microseconds [n], answers [n, outputs]
    ERROR = 6  # child: JSON {reason, text}


class Broken(Exception):  # noqa: N818
    """Bytes that are no frame of this protocol."""


def pack(kind: Kind, *parts: bytes) -> bytes:
    """A frame (rule 1)."""
    length = sum(map(len, parts))
    if length > MAX_BYTES:
        raise Broken(f"a frame of {length} bytes, {MAX_BYTES} are allowed")
    return b"".join([HEAD.pack(length, kind), *parts])


def head(data: bytes) -> tuple[int, Kind]:
    """The length and kind that a frame begins with.

    Raises:
        Broken: too long, or of no known kind.
    """
    length, kind = HEAD.unpack(data)
    if length > MAX_BYTES or kind not in Kind.__members__.values():
        raise Broken(f"a frame of kind {kind} and {length} bytes")
    return length, Kind(kind)


def read(stream: BinaryIO) -> tuple[Kind, bytes] | None:
    """The next frame of a blocking stream; None at its end.

    Raises:
        Broken: it ends in the middle, or holds no frame.
    """
    start = stream.read(HEAD.size)
    if not start:
        return None
    if len(start) < HEAD.size:
        raise Broken("the stream ends inside a frame")
    length, kind = head(start)
    body = stream.read(length)
    if len(body) < length:
        raise Broken("the stream ends inside a frame")
    return kind, body


def pack_json(value: dict[str, Any]) -> bytes:
    """A JSON object as one line."""
    return json.dumps(value).encode()


def unpack_windows(body: bytes, time: int, channels: int) -> Float32:
    """Windows [n, time, channels].

    Raises:
        Broken: not a whole number of them.
    """
    if not body or len(body) % (4 * time * channels):
        raise Broken(f"{len(body)} bytes are no windows of {time} x {channels}")
    return np.frombuffer(body, "<f4").reshape(-1, time, channels)


def unpack_answers(body: bytes, n: int, outputs: int) -> tuple[Float64, Float32]:
    """Microseconds [n] and answers [n, outputs].

    Raises:
        Broken: another number of them.
    """
    if len(body) != n * (8 + 4 * outputs):
        raise Broken(f"{len(body)} bytes are no {n} answers of {outputs}")
    return np.frombuffer(body[: 8 * n], "<f8"), np.frombuffer(body[8 * n :], "<f4").reshape(n, outputs)
