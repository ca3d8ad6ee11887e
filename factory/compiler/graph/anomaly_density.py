"""The graph of a density: features of the window, whitened."""

import numpy as np

from factory.architectures import Density
from factory.artifacts import Trained
from factory.compiler.graph.builder import EPSILON, INPUT_STAGE, Builder
from factory.compiler.graph.front import front

HALF = 0.5  # of the logarithm of a variance is that of a deviation


def squares(builder: Builder, trained: Trained) -> str:
    """The largest squared feature (batch, middles), after whitening, around each middle. All float: small differences
    count.
    """
    assert isinstance(trained.architecture, Density)
    tracks, _ = front(builder, trained)
    features = _features(builder, tracks, trained.architecture)
    away = builder.add("Sub", features, builder.constant(trained.weights["density.centre"]), stage=INPUT_STAGE)
    white = builder.add("Gemm", away, builder.constant(trained.weights["density.whitening"]), transB=1)
    x = builder.add("Unsqueeze", white, builder.constant([1], np.int64), stage=INPUT_STAGE)
    if trained.architecture.middles > 1:
        x = builder.add("Sub", x, builder.constant(trained.weights["density.middles"]), stage=INPUT_STAGE)
    square = builder.add("Mul", x, x, stage=INPUT_STAGE)
    return builder.add("ReduceMax", square, stage=INPUT_STAGE, axes=[2], keepdims=0)


def _features(builder: Builder, tracks: str, architecture: Density) -> str:
    """Means and logarithms of deviations over time (batch, features)."""
    features = []
    mean = builder.add("ReduceMean", tracks, stage=INPUT_STAGE, axes=[1], keepdims=1)
    if architecture.level:
        features.append(builder.add("Squeeze", mean, builder.constant([1], np.int64), stage=INPUT_STAGE))
    if architecture.spread:
        away = builder.add("Sub", tracks, mean, stage=INPUT_STAGE)
        square = builder.add("Mul", away, away, stage=INPUT_STAGE)
        variance = builder.add("ReduceMean", square, stage=INPUT_STAGE, axes=[1], keepdims=0)
        above = builder.add("Add", variance, builder.constant(EPSILON), stage=INPUT_STAGE)
        logarithm = builder.add("Log", above, stage=INPUT_STAGE)
        features.append(builder.add("Mul", logarithm, builder.constant(HALF), stage=INPUT_STAGE))
    return features[0] if len(features) == 1 else builder.add("Concat", *features, stage=INPUT_STAGE, axis=1)
