"""Every message of the wire, found by looking, and generated values of each: a new message is tested without asking."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st
from msgspec import inspect

from protocol import messages
from protocol.manifest import Manifest, pack
from protocol.messages import Label, Message, Metrics

MESSAGES: list[type[Message]] = [
    kind
    for kind in vars(messages).values()
    if isinstance(kind, type) and issubclass(kind, Message) and kind is not Message
]
PARTS: list[type[msgspec.Struct]] = [
    kind
    for kind in vars(messages).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and not issubclass(kind, Message)
]

_WINDOWS = np.array([[[0.5], [-2.0]]], np.float32)
_ANSWERS = np.array([[0.25, 0.75]], np.float32)
_JSON_LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    _JSON_LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
UNKNOWN = st.dictionaries(st.text(max_size=8).map("x-".__add__), JSON, max_size=3)


def some(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Any valid message of this kind, with unknown fields at the top."""
    if kind is Metrics:
        return st.integers(0, 4).flatmap(_metrics)
    if kind is Label:
        return _labels()
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return _struct(info)


def _struct(info: inspect.StructType) -> st.SearchStrategy[Any]:
    fields = {field.name: UNKNOWN if field.name == "extra" else _of(field.type) for field in info.fields}
    return st.builds(info.cls, **fields)


def _of(info: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of one field. What the table lacks is a KeyError, so that a new kind of field cannot go untested."""
    return _FIELDS[type(info)](info)


def _floats(info: inspect.FloatType) -> st.SearchStrategy[float]:
    low, high = (info.ge if info.gt is None else info.gt), (info.le if info.lt is None else info.lt)
    exclude_low, exclude_high = info.gt is not None, info.lt is not None
    return st.floats(low, high, exclude_min=exclude_low, exclude_max=exclude_high)


def _text(info: inspect.StrType) -> st.SearchStrategy[str]:
    if info.pattern and "{" in info.pattern:  # a digest or a bucket: the pattern says all
        return st.from_regex(info.pattern)
    letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf"))
    return st.text(letters, min_size=info.min_length or 0, max_size=min(info.max_length or 40, 40))


_FIELDS: dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    inspect.StructType: _struct,
    inspect.StrType: _text,
    inspect.FloatType: _floats,
    inspect.IntType: lambda info: st.integers(info.ge, info.le),
    inspect.BoolType: lambda info: st.booleans(),
    inspect.NoneType: lambda info: st.none(),
    inspect.EnumType: lambda info: st.sampled_from(list(info.cls)),
    inspect.LiteralType: lambda info: st.sampled_from(info.values),
    inspect.VarTupleType: lambda info: st.lists(_of(info.item_type), max_size=4).map(tuple),
    inspect.DictType: lambda info: st.dictionaries(_of(info.key_type), _of(info.value_type), max_size=4),
    inspect.UnionType: lambda info: st.one_of(*(_of(one) for one in info.types)),
}


def _identifiers() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), min_size=1, max_size=10)


@st.composite
def _metrics(draw: st.DrawFn, classes: int) -> Metrics:
    counts = st.integers(0, 10**9)
    row = st.lists(counts, min_size=classes, max_size=classes).map(tuple)
    predicted = draw(row)
    confusion = draw(st.lists(row, min_size=classes, max_size=classes).map(tuple))
    return Metrics(
        outbox=draw(_identifiers()),
        seq=draw(counts),
        slot=draw(st.sampled_from(("active", "shadow"))),
        release=draw(st.from_regex(r"\A[0-9a-f]{64}\Z")),
        t0=draw(st.floats(0, 1e10)),
        t1=draw(st.floats(0, 1e10)),
        n=sum(predicted) if predicted else draw(counts),
        n_labelled=sum(map(sum, confusion)) if confusion else draw(counts),
        predicted=predicted,
        confusion=confusion,
        latency_us=draw(st.dictionaries(st.integers(0, 999).map(str), counts, max_size=5)),
        busy_s=draw(st.floats(0, 1e9)),
        wall_s=draw(st.floats(0, 1e9)),
        extra=draw(UNKNOWN),
    )


@st.composite
def _labels(draw: st.DrawFn) -> Label:
    start = draw(st.none() | st.floats(0, 1e10))
    return Label(
        label_id=draw(_identifiers()),
        y=draw(_identifiers()),
        source=draw(_identifiers()),
        t=draw(st.floats(0, 1e10)),
        inference_id=draw(_identifiers() if start is None else st.none() | _identifiers()),
        t0=start,
        t1=None if start is None else start + draw(st.floats(0.1, 1e6)),
        extra=draw(UNKNOWN),
    )


def small_manifest(**changes: Any) -> Manifest:
    """A valid manifest of two classes and one golden window of 2 samples x 1 channel, with fields replaced."""
    values: dict[str, Any] = {
        "name": "exercise",
        "task": "classification",
        "classes": ("rest", "squat"),
        "channels": ("acc_x",),
        "units": ("m/s2",),
        "rate_hz": 50.0,
        "window": 2,
        "hop": 1,
        "data_digest": "ab" * 32,
        "created": 1_700_000_000.0,
        "model": {
            "sha256": "cd" * 32,
            "length": 5,
            "precision": "int8",
            "opset": 17,
            "ir": 8,
            "operators": ["Conv", "Gemm"],
            "parameters": 10,
            "macs": 20,
            "peak_activation_bytes": 64,
            "latency_us_p50": 40.0,
        },
        "golden": {"n": 1, "windows": pack(_WINDOWS), "answers": pack(_ANSWERS), "tolerance": 1e-3},
    }
    return msgspec.convert({**values, **changes}, Manifest)
