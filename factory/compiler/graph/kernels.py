"""The graph of kernels that are not learned.

Rules
1. What regular numbers can be computed from is stored in their place, and the runtime computes them once, when it loads
   the model: a mask of two bytes for a kernel's nine taps, a byte for a threshold, a byte for the number of an input.
2. A dilation is Gather, Conv, Greater, Cast and a mean: shares are (batch, kernel, threshold, segment).
3. Where windows were not full in training, shares are taken of the samples that are there.
4. Two classes have one output, whose negative is the other's logit.
"""

import numpy as np
import onnx

from factory.architectures import KERNEL, Kernels
from factory.artifacts import Trained
from factory.compiler.graph.builder import EPSILON, INPUT, OUTPUT, Builder
from factory.compiler.graph.front import front

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
FINEST = 0.5  # of levels, as in training
LEAST_POWER = 1e-4  # of a window that is measured by its own deviation, as in training
MOST_BYTE = 256  # inputs whose number takes one byte


def build(architecture: Kernels, trained: Trained) -> onnx.ModelProto:
    """The float32 model of `trained`."""
    builder = Builder()
    signals, x = front(builder, trained)
    present = _present(builder, trained) if trained.weights["kernels.padded"][0] else None
    if architecture.relative:
        x = _relative(builder, x, present)
    taps, inputs, thresholds = _taps(builder, trained), _inputs(builder, trained), _thresholds(builder, trained)
    each = _each(builder, thresholds, trained)
    parts = [
        _shares(builder, x, architecture, step, (taps[i], inputs[i], each[i]))
        for i, step in enumerate(architecture.steps)
    ]
    joined = parts[0] if len(parts) == 1 else builder.add("Concat", *parts, axis=1)
    features = builder.add("Flatten", joined)
    if present is not None:
        below = builder.add("Cast", builder.add("Less", thresholds, builder.constant(0)), to=FLOAT)
        features = builder.add("Sub", features, builder.add("Flatten", below, axis=0))
        features = builder.add("Div", features, present)
    if architecture.statistics:
        features = builder.add("Concat", features, *_statistics(builder, signals), axis=1)
    weight, bias = (builder.constant(trained.weights[f"linear.{part}"]) for part in ("weight", "bias"))
    logits = builder.add("Gemm", features, weight, bias, transB=1)
    if architecture.outputs == 1:
        logits = builder.add("Concat", builder.add("Neg", logits), logits, axis=1)
    builder.add("Softmax", logits, output=OUTPUT, axis=1)
    return builder.model(architecture)


def _shares(builder: Builder, x: str, architecture: Kernels, step: int, kernels: tuple[str, str, str]) -> str:
    """(batch, input, 1, length) -> (batch, kernel, threshold, segment), for one dilation."""
    taps, inputs, thresholds = kernels
    alone = architecture.inputs == 1
    half = step * (KERNEL // 2)
    z = builder.add(
        "Conv",
        x if alone else builder.add("Gather", x, inputs, axis=1),
        taps,
        strides=[1, architecture.stride],
        dilations=[1, step],
        pads=[0, half, 0, half],
        group=1 if alone else architecture.width,
    )
    above = builder.add("Cast", builder.add("Greater", z, thresholds), to=FLOAT)
    if architecture.segments == 1:
        return builder.add("ReduceMean", above, axes=[3])
    each = [1, architecture.positions // architecture.segments]
    return builder.add("AveragePool", above, kernel_shape=each, strides=each)


def _present(builder: Builder, trained: Trained) -> str:
    """Share of the samples that some channel has (batch, 1)."""
    missing = builder.add("ReduceMin", builder.add("Cast", builder.add("IsNaN", INPUT), to=FLOAT), axes=[2], keepdims=0)
    left = builder.add("Sub", builder.constant(1), builder.add("ReduceMean", missing, axes=[1]))
    return builder.add("Max", left, builder.constant(1 / trained.architecture.time))


def _relative(builder: Builder, x: str, present: str | None) -> str:
    """(batch, input, 1, length), every window in its own deviations."""
    away = builder.add("Sub", x, builder.add("ReduceMean", x, axes=[3]))
    power = builder.add("ReduceMean", builder.add("Mul", away, away), axes=[3])
    if present is not None:
        power = builder.add("Div", power, builder.add("Unsqueeze", present, builder.constant([2, 3], np.int64)))
    deviation = builder.add("Sqrt", builder.add("Add", power, builder.constant(LEAST_POWER)))
    return builder.add("Div", x, deviation)


def _statistics(builder: Builder, x: str) -> list[str]:
    """Mean, deviation, minimum and maximum over time of (batch, time, signals)."""
    mean = builder.add("ReduceMean", x, axes=[1])
    away = builder.add("Sub", x, mean)
    power = builder.add("ReduceMean", builder.add("Mul", away, away), axes=[1], keepdims=0)
    deviation = builder.add("Sqrt", builder.add("Add", power, builder.constant(EPSILON)))
    low, high = (builder.add(operator, x, axes=[1], keepdims=0) for operator in ("ReduceMin", "ReduceMax"))
    return [builder.add("Flatten", mean), deviation, low, high]


def _taps(builder: Builder, trained: Trained) -> list[str]:
    """Weights (width, 1, 1, taps) of every dilation: bit i of the mask says whether tap i is 2 or -1."""
    masks = trained.weights["kernels.masks"].reshape(-1, 1, 1, 1)
    mask = builder.add("Cast", builder.constant(masks, np.uint16), to=FLOAT)
    shifted = builder.add("Floor", builder.add("Mul", mask, builder.constant(0.5 ** np.arange(KERNEL))))
    halved = builder.add("Floor", builder.add("Mul", shifted, builder.constant(0.5)))
    bit = builder.add("Sub", shifted, builder.add("Add", halved, halved))
    taps = builder.add("Sub", builder.add("Mul", bit, builder.constant(3)), builder.constant(1))
    return _each(builder, taps, trained)


def _inputs(builder: Builder, trained: Trained) -> list[str]:
    """Numbers (width) of the inputs of every dilation; none where there is only one."""
    inputs = trained.weights["kernels.inputs"]
    if trained.architecture.inputs == 1:
        return [""] * len(inputs)
    kind = np.uint8 if trained.architecture.inputs <= MOST_BYTE else np.uint16
    return _each(builder, builder.add("Cast", builder.constant(inputs.reshape(-1), kind), to=INT64), trained)


def _thresholds(builder: Builder, trained: Trained) -> str:
    """Thresholds (dilations * width, thresholds, 1) of levels with a sign and a size, as in training."""
    levels = trained.weights["kernels.levels"]
    start, rate = trained.weights["kernels.scale"]
    level = builder.add("Cast", builder.constant(levels.reshape(-1, levels.shape[2], 1), np.int8), to=FLOAT)
    middle = builder.add("Add", level, builder.constant(FINEST))
    size = builder.add("Abs", middle)
    sign = builder.add("Div", middle, size)
    exponent = builder.add("Add", builder.add("Mul", size, builder.constant(rate)), builder.constant(start))
    return builder.add("Mul", sign, builder.add("Exp", exponent))


def _each(builder: Builder, values: str, trained: Trained) -> list[str]:
    """Equal parts of a constant, one for each dilation."""
    count = len(trained.weights["kernels.masks"])
    if count == 1:
        return [values]
    first = builder.add("Split", values)
    builder.nodes[-1].output[:] = [f"{first}_{i}" for i in range(count)]
    return list(builder.nodes[-1].output)
