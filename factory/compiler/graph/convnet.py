"""The graph of a convolutional network."""

from dataclasses import replace

import onnx

from factory.architectures import Convnet, Stage
from factory.artifacts import Trained
from factory.compiler import fold
from factory.compiler.graph.builder import Builder, Steps, convolution, linear_softmax, root_mean_square
from factory.compiler.graph.front import front
from factory.compiler.graph.statistics import statistics


def build(architecture: Convnet, trained: Trained) -> onnx.ModelProto:
    """The float32 model of `trained`."""
    builder = Builder()
    signals, x = front(builder, trained)
    features = statistics(builder, signals, architecture.length) if architecture.head.statistics else []
    for index, stage in enumerate(architecture.stages):
        x = _block(builder, x, stage, fold.block(trained.weights, index))
    features = _pooled(builder, x, architecture) + features
    linear_softmax(builder, features, *fold.linear(trained.weights))
    return builder.model(architecture)


def _block(builder: Builder, x: str, stage: Stage, folded: fold.Block) -> str:
    y, steps = x, Steps(stage.block.stride, stage.block.dilation)
    if folded.depth is not None:
        y, steps = convolution(builder, y, folded.depth, None, replace(steps, groups=stage.inputs)), Steps()
    y = convolution(builder, y, folded.weight, folded.bias, steps)
    if stage.residual:
        y = builder.add("Add", y, x)
    return builder.add("Relu", y)


def _pooled(builder: Builder, x: str, architecture: Convnet) -> list[str]:
    """Average, maximum and, where wanted, deviation over time of (batch, width, 1, time)."""
    mean = builder.add("GlobalAveragePool", x)
    features = [builder.add("Flatten", mean), builder.add("Flatten", builder.add("GlobalMaxPool", x))]
    if architecture.head.deviation:
        features.append(root_mean_square(builder, builder.add("Sub", x, mean), [2, 3]))
    return features
