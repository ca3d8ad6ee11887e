"""The float32 graph of a trained model, built node by node: raw units in, probabilities out.

Rules
1. `window` (batch, time, channels) float32 in raw units, NaN where missing; `probabilities` (batch, classes).
2. Everything training did to its input is a node: fill NaN, magnitudes, subtract, multiply, clip, fixed filters.
3. Batch norm is folded: into the convolution before it, or into the linear layer after it. Normalisation of the input
   is not, because zero padding would then no longer be the mean.
4. The same weights give the same bytes: names are counters, nothing depends on time or memory.
"""

import onnx

from factory.architectures import Autoencoder, Convnet, Density, Kernels, Trees
from factory.artifacts import Trained
from factory.compiler.graph import anomaly, convnet, kernels, trees
from factory.compiler.graph.anomaly import SCORE
from factory.compiler.graph.builder import INPUT, INPUT_STAGE, IR, OPSET, OUTPUT

__all__ = ["INPUT", "INPUT_STAGE", "IR", "OPSET", "OUTPUT", "SCORE", "build"]


def build(trained: Trained) -> onnx.ModelProto:
    """The float32 model of `trained`, of whatever family."""
    match trained.architecture:
        case Convnet() as architecture:
            return convnet.build(architecture, trained)
        case Density() | Autoencoder() as architecture:
            return anomaly.build(architecture, trained)
        case Kernels() as architecture:
            return kernels.build(architecture, trained)
        case Trees() as architecture:
            return trees.build(architecture, trained)
