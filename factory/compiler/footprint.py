"""What a graph costs on the device, read off the graph itself: an account independent of the one the search predicts
with.

Rules
1. MACs: multiplications in convolutions and linear layers, for one window. A node that reads constants alone makes a
   constant: a runtime evaluates it once, when it loads the model.
2. Parameters: weights and biases of convolutions and linear layers, fixed filters included, computed ones not.
3. Peak activation bytes: the most that any one operator reads and writes, constants apart. A value that is stored as
   int8 between two operators counts one byte, and (De)QuantizeLinear are not operators but the edge between two.
"""

import math

import onnx
from onnx import TensorProto, helper

from factory.artifacts import Footprint

EDGES = {"QuantizeLinear", "DequantizeLinear"}


def footprint(model: onnx.ModelProto) -> Footprint:
    """Footprint of one window through `model`."""
    account = _Account(model)
    nodes = [node for node in model.graph.node if node.op_type not in EDGES and not account.is_constant(node)]
    return Footprint(
        macs=sum(account.macs(node) for node in nodes),
        parameters=sum(account.parameters(node) for node in nodes),
        peak_activation_bytes=max(account.activation_bytes(node) for node in nodes),
        file_bytes=model.ByteSize(),
    )


class _Account:
    """Shapes and makers of every value of a graph, for a batch of one."""

    def __init__(self, model: onnx.ModelProto) -> None:
        single = onnx.ModelProto.FromString(model.SerializeToString())
        for value in (*single.graph.input, *single.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = 1
        graph = onnx.shape_inference.infer_shapes(single, strict_mode=True).graph
        self._stored = {constant.name: tuple(constant.dims) for constant in graph.initializer}
        self._constants = set(self._stored)
        for node in graph.node:
            if node.op_type not in EDGES and self.is_constant(node):
                self._constants.update(node.output)
        self._values = {
            value.name: value.type.tensor_type for value in (*graph.input, *graph.value_info, *graph.output)
        }
        self._dequantised = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
        readers: dict[str, set[str]] = {}
        for node in graph.node:
            for name in node.input:
                readers.setdefault(name, set()).add(node.op_type)
        self._quantised = {name for name, kinds in readers.items() if kinds == {"QuantizeLinear"}}

    def is_constant(self, node: onnx.NodeProto) -> bool:
        """Whether what the node makes does not depend on the window."""
        return self._constants.issuperset(node.input)

    def macs(self, node: onnx.NodeProto) -> int:
        """Rule 1."""
        if node.op_type == "Gemm":
            return math.prod(self._weight_shape(node.input[1]))
        if node.op_type == "Conv":
            return math.prod(self._shape(node.output[0])[2:]) * math.prod(self._weight_shape(node.input[1]))
        return 0

    def parameters(self, node: onnx.NodeProto) -> int:
        """Rule 2."""
        if node.op_type not in {"Conv", "Gemm"}:
            return 0
        names = (self._dequantised.get(name, name) for name in node.input[1:])
        return sum(math.prod(self._stored[name]) for name in names if name in self._stored)

    def activation_bytes(self, node: onnx.NodeProto) -> int:
        """Rule 3."""
        return sum(self._bytes(name) for name in {*node.input, *node.output} - self._constants)

    def _bytes(self, name: str) -> int:
        if self._dequantised.get(name) in self._constants:
            return 0
        eight_bits = name in self._dequantised or name in self._quantised
        kind = helper.tensor_dtype_to_np_dtype(self._values[name].elem_type)
        return math.prod(self._shape(name)) * (1 if eight_bits else kind.itemsize)

    def _weight_shape(self, name: str) -> tuple[int, ...]:
        stored = self._dequantised.get(name, name)
        return self._stored[stored] if stored in self._stored else self._shape(stored)

    def _shape(self, name: str) -> tuple[int, ...]:
        return tuple(dim.dim_value for dim in self._values[name].shape.dim)


def has_external_data(model: onnx.ModelProto) -> bool:
    """Whether the model needs a second file."""
    return any(constant.data_location == TensorProto.EXTERNAL for constant in model.graph.initializer)
