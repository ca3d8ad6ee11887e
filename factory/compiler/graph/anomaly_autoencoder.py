"""The graph of an autoencoder: what comes back, compared with what went in."""

import numpy as np

from factory.architectures import Autoencoder, Layer
from factory.artifacts import Trained
from factory.compiler.graph.builder import INPUT_STAGE, Builder, Steps, convolution
from factory.compiler.graph.front import front


def squares(builder: Builder, trained: Trained) -> str:
    """Squared errors of every channel (batch, input), in shares of the usual ones."""
    architecture, weights = trained.architecture, trained.weights
    assert isinstance(architecture, Autoencoder)
    _, x = front(builder, trained)
    back = builder.add("Identity", x, stage=INPUT_STAGE)  # in int8 this one is rounded; what it is compared with is not
    for index, layer in enumerate(architecture.layers):
        name = f"layers.{index}"
        steps = Steps() if layer.upwards else Steps(stride=2)
        back = convolution(builder, back, weights[f"{name}.weight"], weights[f"{name}.bias"], steps)
        back = builder.add("Relu", back) if layer.rectified else back
        back = _longer(builder, back, layer) if layer.upwards else back
    if architecture.layers[-1].length_out > architecture.length:
        ends = [builder.constant([value], np.int64) for value in (0, architecture.length, 3)]
        back = builder.add("Slice", back, *ends, stage=INPUT_STAGE)
    away = builder.add("Sub", back, x, stage=INPUT_STAGE)
    square = builder.add("Mul", away, away, stage=INPUT_STAGE)
    error = builder.add("ReduceMean", square, stage=INPUT_STAGE, axes=[2, 3], keepdims=0)
    return builder.add("Mul", error, builder.constant(weights["share"]), stage=INPUT_STAGE)


def _longer(builder: Builder, x: str, layer: Layer) -> str:
    """(batch, 2 * channel, 1, time) -> (batch, channel, 1, 2 * time)."""
    pairs = builder.constant([0, layer.outputs, 2, layer.length_in], np.int64)
    x = builder.add("Reshape", x, pairs, stage=INPUT_STAGE)
    x = builder.add("Transpose", x, stage=INPUT_STAGE, perm=[0, 1, 3, 2])
    row = builder.constant([0, layer.outputs, 1, layer.length_out], np.int64)
    return builder.add("Reshape", x, row, stage=INPUT_STAGE)
