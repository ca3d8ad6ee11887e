"""What an architecture will cost on the device, before it is trained. MACs, parameters and peak activation bytes are
exact; the size of the ONNX file is within a few percent (the compiler's account of the finished file is what decides).

Rules
1. MACs: multiplications in convolutions and linear layers, for one window. Parameters: their weights and biases, fixed
   filters included.
2. Peak activation bytes: the most that any one operator of the graph reads and writes. In int8 the values between
   blocks take one byte.
3. File bytes: 4 or 1 a weight, plus what each kind of node takes in the file, measured on files the compiler wrote.
"""

from collections.abc import Mapping

from factory.architectures import Architecture, Autoencoder, Convnet, Density, Kernels, Trees
from factory.artifacts import Budget, Footprint, Precision
from factory.search.cost import anomaly, convnet, kernels, latency, trees

KB = 1000  # bytes


def predict(architecture: Architecture) -> Mapping[Precision, Footprint]:
    """The footprint in each precision."""
    match architecture:
        case Convnet():
            return convnet.predict(architecture)
        case Density() | Autoencoder():
            return anomaly.predict(architecture)
        case Kernels():
            return kernels.predict(architecture)
        case Trees():
            return trees.predict(architecture)


def predict_latency_us(architecture: Architecture, precision: Precision) -> float:
    """Microseconds of a window, roughly, on the processor that the figures of `latency` come from."""
    return latency.latency_us(architecture, precision, predict(architecture)[precision].macs)


def fits(footprint: Footprint, budget: Budget) -> bool:
    """Whether a model of this footprint may be shipped under `budget`."""
    small = budget.max_kb is None or footprint.file_bytes <= budget.max_kb * KB
    return small and (budget.max_macs is None or footprint.macs <= budget.max_macs)


def affordable(architecture: Architecture, budget: Budget) -> bool:
    """Whether any precision of it is predicted to fit."""
    return any(fits(footprint, budget) for footprint in predict(architecture).values())
