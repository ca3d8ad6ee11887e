"""The front end of a graph: raw units in, normalised signals and what is derived from them out.

Everything happens with time as the last axis: onnxruntime takes twenty times as long to add a constant a channel where
a few channels are the last.
"""

from typing import Any

import numpy as np

from factory.architectures import Spectrum
from factory.artifacts import Float32, Trained
from factory.compiler.graph.builder import INPUT, INPUT_STAGE, Builder, Steps, convolution
from factory.compiler.graph.spectrum import Spectral

CLIP = 16.0  # deviations, as in training


def front(builder: Builder, trained: Trained) -> tuple[str, str]:
    """What statistics are taken of, (batch, time, signal) or (batch, frames, input), and what convolutions see (batch,
    input, 1, length).
    """
    architecture = trained.architecture
    x = _normalised(builder, trained)
    if architecture.front.spectrum is not None:
        x = _bands(builder, x, trained, architecture.front.spectrum)
    signals = builder.add("Transpose", x, stage=INPUT_STAGE, perm=[0, 2, 1])
    x = builder.add("Unsqueeze", x, builder.constant([2], np.int64), stage=INPUT_STAGE)
    if architecture.front.filters > 1:
        steps = Steps(groups=architecture.signals)
        x = convolution(builder, x, trained.weights["front.filters"], None, steps, INPUT_STAGE)
    return signals, x


def _normalised(builder: Builder, trained: Trained) -> str:
    """(batch, time, channels) -> (batch, signals, time), in deviations from the mean (rule 2)."""
    architecture, weights = trained.architecture, trained.weights

    def add(operator: str, *inputs: str, **attributes: Any) -> str:
        return builder.add(operator, *inputs, stage=INPUT_STAGE, **attributes)

    x = add("Transpose", INPUT, perm=[0, 2, 1])
    x = add("Where", add("IsNaN", x), _each(builder, weights["front.fill"]), x)
    if architecture.front.magnitudes and architecture.triples:
        flat = [channel for triple in architecture.triples for channel in triple]
        axes = add("Gather", x, builder.constant(flat, np.int64), axis=1)
        axes = add("Reshape", axes, builder.constant([0, len(architecture.triples), 3, architecture.time], np.int64))
        x = add("Concat", x, add("ReduceL2", axes, axes=[2], keepdims=0), axis=1)
    x = add("Mul", add("Sub", x, _each(builder, weights["front.centre"])), _each(builder, weights["front.gain"]))
    return add("Clip", x, builder.constant(-CLIP), builder.constant(CLIP))


def _bands(builder: Builder, x: str, trained: Trained, spectrum: Spectrum) -> str:
    """(batch, signals, time) -> (batch, inputs, frames), in deviations from the mean."""
    weights = trained.weights
    x = Spectral(builder, spectrum).logarithm(x, trained.architecture.signals, weights["front.bands.floor"])
    x = builder.add("Sub", x, _each(builder, weights["front.bands.centre"]), stage=INPUT_STAGE)
    return builder.add("Mul", x, _each(builder, weights["front.bands.gain"]), stage=INPUT_STAGE)


def _each(builder: Builder, values: Float32) -> str:
    """A constant for every channel of (batch, channel, time)."""
    return builder.constant(values.reshape(-1, 1))
