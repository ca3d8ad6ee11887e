"""Bytes <-> message, with size limits, unknown fields kept.

Rules
1. No packet is larger than `MAX_PACKET_BYTES` less room for the topic, in either direction.
2. What is not JSON, not an object, lacks a field or has one of the wrong type is `Malformed`, with the field named.
3. What is known is checked; what is not known is kept, at every depth of nested objects, and written back as it came.
   Only a field named `extra` at the top is dropped: no version of this protocol will ever use that name.
4. The same message always gives the same bytes (keys sorted, no spaces), and only bytes that `decode` would take.
5. JSON is read strictly, so that no two readers can disagree: UTF-8, no key twice in one object, no NaN or infinity, no
   half of a surrogate pair, integers of 64 bits, at most `MAX_DEPTH` levels.
"""

import json
import math
from typing import Any, TypeVar

import msgspec

from protocol.errors import Malformed
from protocol.messages import Message

MAX_PACKET_BYTES = 128 * 1024
MAX_MESSAGE_BYTES = MAX_PACKET_BYTES - 1024
MAX_EXTRA_BYTES = 8 * 1024
MAX_DEPTH = 32  # levels of arrays and objects
_INT64 = range(-(2**63), 2**63)

M = TypeVar("M", bound=Message)


def encode(message: Message, max_bytes: int = MAX_MESSAGE_BYTES) -> bytes:
    """The one byte form of a message (rule 4).

    Raises:
        Malformed: it is larger than `max_bytes`, or `decode` would not take it.
    """
    try:
        known = msgspec.to_builtins(message)
        payload = canonical(_merge(known, known.pop("extra")))
    except (TypeError, ValueError) as error:
        raise Malformed(f"{type(message).__name__} cannot be written as JSON: {error}") from error
    decode(payload, type(message), max_bytes)
    return payload


def decode(payload: bytes, kind: type[M], max_bytes: int = MAX_MESSAGE_BYTES) -> M:
    """The message of this kind in `payload`.

    Raises:
        Malformed: too large, not JSON, or not a message of this kind; the text names the field.
    """
    raw = parse_json(payload, max_bytes)
    if not isinstance(raw, dict):
        raise Malformed(f"{kind.__name__} must be an object, not {type(raw).__name__}")
    raw.pop("extra", None)
    try:
        message = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise Malformed(f"{kind.__name__}: {error}") from error
    extra = _unknown(raw, msgspec.to_builtins(message))
    if extra and len(canonical(extra)) > MAX_EXTRA_BYTES:
        raise Malformed(f"{kind.__name__}: more than {MAX_EXTRA_BYTES} bytes of unknown fields")
    return msgspec.structs.replace(message, extra=extra)


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: the one byte form of a value (rule 4)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def parse_json(payload: bytes, max_bytes: int = MAX_MESSAGE_BYTES) -> Any:
    """Any JSON value of at most `max_bytes` (rule 5).

    Raises:
        Malformed: too large, not UTF-8, not JSON, or something rule 5 excludes.
    """
    if len(payload) > max_bytes:
        raise Malformed(f"{len(payload)} bytes are over the limit of {max_bytes}")
    try:
        value = json.loads(payload.decode("utf-8"), object_pairs_hook=_object)
    except RecursionError as error:
        raise Malformed(f"not JSON: more than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise Malformed(f"not JSON: {error}") from error
    _check_values(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("not JSON: a key occurs twice in one object")
    return found


def _check_values(root: Any) -> None:
    """Whether rule 5 holds at every depth. Walks without recursion: the input chooses the depth."""
    waiting = [(root, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth == MAX_DEPTH:
                raise Malformed(f"not JSON: more than {MAX_DEPTH} levels")
            children = [*value, *value.values()] if isinstance(value, dict) else value
            waiting.extend((child, depth + 1) for child in children)
        elif isinstance(value, str):
            _check_text(value)
        elif (isinstance(value, float) and not math.isfinite(value)) or (
            isinstance(value, int) and value not in _INT64
        ):
            raise Malformed("not JSON: a number is not finite or has more than 64 bits")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("not JSON: half of a surrogate pair") from error


def _unknown(raw: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The part of `raw` that `known` lacks, at every depth of objects."""
    extra: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in known:
            extra[key] = value
        elif isinstance(value, dict) and isinstance(known[key], dict) and (inner := _unknown(value, known[key])):
            extra[key] = inner
    return extra


def _merge(known: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """`known` with what it lacks taken from `extra`; what is known wins."""
    merged = dict(known)
    for key, value in extra.items():
        if key not in merged:
            merged[key] = value
        elif isinstance(value, dict) and isinstance(merged[key], dict):
            merged[key] = _merge(merged[key], value)
    return merged
