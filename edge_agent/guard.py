"""Reads a model before anything executes it. A model is hostile input, also from a friend: the format can name files,
hold code as subgraphs, and claim any size. This reads the protobuf with the standard library alone and loads nothing.

Rules
1. IR and opset no newer than the runtime.
2. Plain operators of the standard domain from `ALLOWED`, and just those the manifest lists: no functions, no
   subgraphs (If, Loop, Scan), hence no loop that never ends.
3. Every tensor's data is inside the file, and there are no more numbers than the file has room for.

Field numbers: onnx.proto3 of ONNX 1.18 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
What no reading can find (weights that are wrong, memory that explodes while running) the staging in a child process
finds.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_agent.errors import Refused
from protocol.messages import Reason

_ALLOWED_TEXT = """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Constant Conv Cos
    DequantizeLinear Div Elu Equal Erf Exp Flatten Floor GRU Gather GatherElements Gemm GlobalAveragePool GlobalMaxPool
    Greater GreaterOrEqual HardSigmoid HardSwish Identity InstanceNormalization IsInf IsNaN LSTM
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max MaxPool Mean Min Mul Neg Not Or
    PRelu Pad Pow QuantizeLinear Reciprocal ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare Relu Reshape Round Selu Shape Sigmoid Sign Sin Slice Softmax Softplus Split Sqrt
    Squeeze Sub Sum Tanh TopK Transpose Unsqueeze Where
"""
ALLOWED = frozenset(_ALLOWED_TEXT.split())

_MODEL_IR, _MODEL_GRAPH, _MODEL_OPSET, _MODEL_TRAINING, _MODEL_FUNCTIONS = 1, 7, 8, 20, 25
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_NODE, _GRAPH_TENSOR, _GRAPH_SPARSE = 1, 5, 15
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE = (22, 23)
_TENSOR_DIMS, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 13, 14
_STANDARD = ("", "ai.onnx")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MORE = 0x80  # of a varint's byte: another one follows


@dataclass(frozen=True)
class Runtime:
    """The newest format that this device's runtime takes."""

    max_ir: int
    max_opset: int


def check(model: bytes, operators: Iterable[str], runtime: Runtime) -> None:
    """Whether this model may be loaded at all; `operators` are those of its manifest.

    Raises:
        Refused: with the reason.
    """
    try:
        fields = list(_fields(memoryview(model)))
        _check_versions(fields, runtime)
        found = _check_graphs(fields, len(model))
    except (ValueError, IndexError, UnicodeDecodeError, TypeError) as error:
        raise Refused(Reason.MALFORMED, f"not an ONNX file: {error}") from error
    if found != set(operators):
        difference = ", ".join(sorted(found ^ set(operators)))
        raise Refused(Reason.OPERATOR_NOT_ALLOWED, f"manifest and model differ in operators: {difference}"[:500])


Field = tuple[int, int | memoryview]


def _check_versions(fields: list[Field], runtime: Runtime) -> None:
    """Rule 1."""
    ir = next((int(value) for number, value in fields if number == _MODEL_IR and isinstance(value, int)), 0)
    opset = 0
    for entry in _messages(fields, _MODEL_OPSET):
        imported = dict(_fields(entry))
        if _text(imported.get(_OPSET_DOMAIN, memoryview(b""))) in _STANDARD:
            version = imported.get(_OPSET_VERSION, 0)
            opset = max(opset, version if isinstance(version, int) else 0)
    if not ir or not opset:
        raise ValueError("it names no IR version or no opset")
    if ir > runtime.max_ir or opset > runtime.max_opset:
        raise Refused(
            Reason.RUNTIME_TOO_OLD,
            f"opset {opset}, IR {ir}; this onnxruntime takes opset {runtime.max_opset}, IR {runtime.max_ir}",
        )


def _check_graphs(fields: list[Field], size: int) -> set[str]:
    """Rules 2 and 3; the operators that were found."""
    numbers = {number for number, _ in fields}
    if numbers & {_MODEL_TRAINING, _MODEL_FUNCTIONS}:
        raise Refused(Reason.OPERATOR_NOT_ALLOWED, "the model defines functions or training of its own")
    graphs = _messages(fields, _MODEL_GRAPH)
    if len(graphs) != 1:
        raise ValueError(f"it holds {len(graphs)} graphs")
    found = set()
    for number, value in _fields(graphs[0]):
        if number == _GRAPH_SPARSE:
            raise Refused(Reason.OPERATOR_NOT_ALLOWED, "the model holds sparse tensors")
        if number == _GRAPH_TENSOR:
            _check_tensor(_message(value), size)
        if number == _GRAPH_NODE:
            found.add(_check_node(_message(value), size))
    return found


def _check_node(node: memoryview, size: int) -> str:
    """Rule 2 for one node; its operator."""
    fields = list(_fields(node))
    operator = "".join(_text(value) for number, value in fields if number == _NODE_OPERATOR)
    domain = "".join(_text(value) for number, value in fields if number == _NODE_DOMAIN)
    for attribute in _messages(fields, _NODE_ATTRIBUTE):
        for number, value in _fields(attribute):
            if number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS, *_ATTRIBUTE_SPARSE):
                raise Refused(Reason.OPERATOR_NOT_ALLOWED, f"{operator} holds a subgraph or sparse tensors")
            if number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                _check_tensor(_message(value), size)
    if domain not in _STANDARD or operator not in ALLOWED:
        raise Refused(
            Reason.OPERATOR_NOT_ALLOWED, f"{domain}{'::' if domain else ''}{operator} is not allowed here"[:500]
        )
    return operator


def _check_tensor(tensor: memoryview, size: int) -> None:
    """Rule 3 for one tensor. The smallest numbers are of four bits."""
    dims: list[int] = []
    for number, value in _fields(tensor):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value):
            raise Refused(Reason.EXTERNAL_DATA, "the model refers to data outside itself")
        if number == _TENSOR_DIMS:
            dims += [value] if isinstance(value, int) else _packed(value)
    if any(dim > 2 * size for dim in dims) or math.prod(dims) > 2 * size:
        raise Refused(Reason.MALFORMED, f"a tensor of {'x'.join(map(str, dims))} in a file of {size} bytes"[:500])


def _fields(data: memoryview) -> Iterator[Field]:
    """The fields of a protobuf message: their number, and an integer or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        length, at = _varint(data, at) if kind == _BYTES else ({_FIXED64: 8, _FIXED32: 4}.get(kind, -1), at)
        if length < 0 or at + length > len(data):
            raise ValueError(f"field {number} at byte {at} is broken")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """An integer and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & ~_MORE) << shift
        if byte < _MORE:
            return value, at
    raise ValueError(f"an integer at byte {at} does not end")


def _packed(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _messages(fields: list[Field], wanted: int) -> list[memoryview]:
    return [_message(value) for number, value in fields if number == wanted]


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message belongs")  # noqa: TRY004  (of the file, not of a caller)
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode()
