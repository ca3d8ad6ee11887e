"""Nodes and constants as they are added to a graph, and the operations that every family is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from factory.architectures import Design
from factory.artifacts import Float32

OPSET = 17
IR = 9
INPUT, OUTPUT = "window", "probabilities"
EPSILON = 1e-5  # inside square roots, as in training
INPUT_STAGE = "input"  # prefix of the names of nodes that stay float in every precision


class Builder:
    """Nodes and constants as they are added; every value gets the next free name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._shared: dict[tuple[bytes, tuple[int, ...]], str] = {}

    def add(self, operator: str, *inputs: str, output: str | None = None, stage: str = "", **attributes: Any) -> str:
        """Append one node and return the name of its output."""
        name = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], f"{stage}/{len(self.nodes)}", **attributes))
        return name

    def constant(self, values: Any, kind: type = np.float32) -> str:
        """The name of a constant; equal constants are stored once."""
        array: npt.NDArray[Any] = np.ascontiguousarray(values, dtype=kind)
        key = (array.tobytes() + array.dtype.str.encode(), array.shape)
        if key not in self._shared:
            self._shared[key] = f"c{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, self._shared[key]))
        return self._shared[key]

    def model(self, design: Design) -> onnx.ModelProto:
        """The finished graph; the node that makes `OUTPUT` has been added."""
        shape: list[str | int | None] = ["batch", design.time, design.channels]
        window = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)
        answer = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", design.classes])
        graph = helper.make_graph(self.nodes, "cygnet", [window], [answer], self.constants)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="cygnet"
        )


def root_mean_square(builder: Builder, away: str, axes: Sequence[int]) -> str:
    """Root of the mean square over axes, which go."""
    mean = mean_square(builder, away, axes)
    return builder.add("Sqrt", builder.add("Add", mean, builder.constant(EPSILON)))


def mean_square(builder: Builder, away: str, axes: Sequence[int]) -> str:
    """Mean square over axes, which go."""
    return builder.add("ReduceMean", builder.add("Mul", away, away), axes=list(axes), keepdims=0)


class InputPart:
    """What adds nodes that stay float in every precision."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self._builder.add(operator, *inputs, stage=INPUT_STAGE, **attributes)

    def _floats(self, values: Any) -> str:
        return self._builder.constant(values)

    def _integers(self, *values: int) -> str:
        return self._builder.constant(values, np.int64)


@dataclass(frozen=True)
class Steps:
    """How a kernel walks over time."""

    stride: int = 1
    dilation: int = 1
    groups: int = 1


def convolution(builder: Builder, x: str, weight: Float32, bias: Float32 | None, steps: Steps, stage: str = "") -> str:
    """A (1 x kernel) convolution with zero padding."""
    half = steps.dilation * (weight.shape[3] // 2)
    constants = [builder.constant(weight)] + ([] if bias is None else [builder.constant(bias)])
    shape: dict[str, Any] = {
        "kernel_shape": [1, weight.shape[3]],
        "strides": [1, steps.stride],
        "dilations": [1, steps.dilation],
        "pads": [0, half, 0, half],
        "group": steps.groups,
    }
    return builder.add("Conv", x, *constants, stage=stage, **shape)


def linear_softmax(builder: Builder, features: Sequence[str], weight: Float32, bias: Float32) -> None:
    """The end of a graph: features joined, weight (classes, features), bias (classes), probabilities."""
    joined = builder.add("Concat", *features, axis=1)
    logits = builder.add("Gemm", joined, builder.constant(weight), builder.constant(bias), transB=1)
    builder.add("Softmax", logits, output=OUTPUT, axis=1)
