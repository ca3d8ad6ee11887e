"""The float32 graph of a trained network, built node by node: raw units in, probabilities out.

Rules
1. `window` (batch, time, channels) float32 in raw units, NaN where missing; `probabilities` (batch, classes).
2. Everything training did to its input is a node: fill NaN, magnitudes, subtract, multiply, clip, fixed filters.
3. Batch norm is folded: into the convolution before it, or into the linear layer after it. Normalisation of the input
   is not, because zero padding would then no longer be the mean.
4. The same weights give the same bytes: names are counters, nothing depends on time or memory.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from factory.artifacts import Architecture, Float32, Stage, Trained
from factory.compiler import fold

OPSET = 17
IR = 9
INPUT, OUTPUT = "window", "probabilities"
CLIP = 16.0  # deviations, as in training
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


def build(trained: Trained) -> onnx.ModelProto:
    """The float32 model of `trained`."""
    architecture, weights = trained.architecture, trained.weights
    builder = Builder()
    x = _normalised(builder, trained)
    features = _statistics(builder, x) if architecture.head.statistics else []
    x = builder.add("Transpose", x, stage=INPUT_STAGE, perm=[0, 2, 1])
    x = builder.add("Unsqueeze", x, builder.constant([2], np.int64), stage=INPUT_STAGE)
    if architecture.front.filters > 1:
        x = _convolution(builder, x, weights["filters"], None, (1, architecture.signals), INPUT_STAGE)
    for index, stage in enumerate(architecture.stages):
        x = _block(builder, x, stage, fold.block(weights, index))
    features = _pooled(builder, x, architecture) + features
    joined = builder.add("Concat", *features, axis=1)
    weight, bias = fold.linear(weights)
    logits = builder.add("Gemm", joined, builder.constant(weight), builder.constant(bias), transB=1)
    builder.add("Softmax", logits, output=OUTPUT, axis=1)
    return _model(builder, architecture)


def _normalised(builder: Builder, trained: Trained) -> str:
    """(batch, time, channels) -> (batch, time, signals), in deviations from the mean (rule 2)."""
    architecture, weights = trained.architecture, trained.weights

    def add(operator: str, *inputs: str, **attributes: Any) -> str:
        return builder.add(operator, *inputs, stage=INPUT_STAGE, **attributes)

    x = add("Where", add("IsNaN", INPUT), builder.constant(weights["fill"]), INPUT)
    if architecture.front.magnitudes and architecture.triples:
        flat = [channel for triple in architecture.triples for channel in triple]
        axes = add("Gather", x, builder.constant(flat, np.int64), axis=2)
        axes = add("Reshape", axes, builder.constant([0, 0, len(architecture.triples), 3], np.int64))
        x = add("Concat", x, add("ReduceL2", axes, axes=[3], keepdims=0), axis=2)
    x = add("Mul", add("Sub", x, builder.constant(weights["centre"])), builder.constant(weights["gain"]))
    return add("Clip", x, builder.constant(-CLIP), builder.constant(CLIP))


def _statistics(builder: Builder, x: str) -> list[str]:
    """Mean, deviation, minimum and maximum over time of (batch, time, signals)."""
    mean = builder.add("ReduceMean", x, stage=INPUT_STAGE, axes=[1], keepdims=1)
    away = builder.add("Sub", x, mean, stage=INPUT_STAGE)
    deviation = _root_mean_square(builder, away, [1])
    low = builder.add("ReduceMin", x, stage=INPUT_STAGE, axes=[1], keepdims=0)
    high = builder.add("ReduceMax", x, stage=INPUT_STAGE, axes=[1], keepdims=0)
    flat = builder.add("Squeeze", mean, builder.constant([1], np.int64), stage=INPUT_STAGE)
    return [flat, deviation, low, high]


def _block(builder: Builder, x: str, stage: Stage, folded: fold.Block) -> str:
    y = x
    strides = stage.block.stride
    if folded.depth is not None:
        y = _convolution(builder, y, folded.depth, None, (strides, stage.inputs))
        strides = 1
    y = _convolution(builder, y, folded.weight, folded.bias, (strides, 1))
    if stage.residual:
        y = builder.add("Add", y, x)
    return builder.add("Relu", y)


def _pooled(builder: Builder, x: str, architecture: Architecture) -> list[str]:
    """Average, maximum and, where wanted, deviation over time of (batch, width, 1, time)."""
    mean = builder.add("GlobalAveragePool", x)
    features = [builder.add("Flatten", mean), builder.add("Flatten", builder.add("GlobalMaxPool", x))]
    if architecture.head.deviation:
        features.append(_root_mean_square(builder, builder.add("Sub", x, mean), [2, 3]))
    return features


def _root_mean_square(builder: Builder, away: str, axes: Sequence[int]) -> str:
    mean = builder.add("ReduceMean", builder.add("Mul", away, away), axes=list(axes), keepdims=0)
    return builder.add("Sqrt", builder.add("Add", mean, builder.constant(EPSILON)))


def _convolution(
    builder: Builder, x: str, weight: Float32, bias: Float32 | None, stride_groups: tuple[int, int], stage: str = ""
) -> str:
    """A (1 x kernel) convolution with zero padding."""
    stride, groups = stride_groups
    half = weight.shape[3] // 2
    constants = [builder.constant(weight)] + ([] if bias is None else [builder.constant(bias)])
    shape: dict[str, Any] = {
        "kernel_shape": [1, weight.shape[3]],
        "strides": [1, stride],
        "pads": [0, half, 0, half],
        "group": groups,
    }
    return builder.add("Conv", x, *constants, stage=stage, **shape)


def _model(builder: Builder, architecture: Architecture) -> onnx.ModelProto:
    shape: list[str | int | None] = ["batch", architecture.time, architecture.channels]
    window = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)
    answer = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", architecture.classes])
    graph = helper.make_graph(builder.nodes, "cygnet", [window], [answer], builder.constants)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="cygnet"
    )
