"""How long a window will take on the device, roughly: to compare architectures before any is compiled.

Every call costs `CALL_US`, every node of the graph `NODE_US`: measured on an idle Zen 3 core, one thread. What a node
does adds to that by the multiplications and by the values that the front end hands on: least squares over 50 compiled
files of all families on a core that was shared, where a node took twice `NODE_US`, and so halved. Against times
measured there and halved, half of the files are within 13 %, nine tenths within 30 %, the worst is off by half. Another
processor has other figures; what they are for is the order of architectures.
"""

from dataclasses import dataclass

from factory.architectures import Architecture, Autoencoder, Convnet, Density, Design, Kernels, Trees
from factory.artifacts import Precision

CALL_US = 7.8
NODE_US = 0.4


@dataclass(frozen=True)
class _Speed:
    """Microseconds for so many of what a family's nodes do."""

    mac: float
    value: float


CONVOLUTION: dict[Precision, _Speed] = {"fp32": _Speed(1.4e-5, 2.6e-3), "int8": _Speed(1.9e-5, 0.2e-3)}
KERNELS = _Speed(0.1e-5, 3.9e-3)
TREES = _Speed(39e-5, 14e-3)

INT8_NODES = 1.4  # for a node in float32: ranges are converted between some of them


def latency_us(architecture: Architecture, precision: Precision, macs: int) -> float:
    """Microseconds of a window that takes so many multiplications: batch 1, one thread."""
    values = architecture.length * architecture.inputs
    match architecture:
        case Convnet() | Density() | Autoencoder():
            nodes = _nodes(architecture) * (INT8_NODES if precision == "int8" else 1.0)
            speed = CONVOLUTION[precision]
        case Kernels():
            nodes, speed = _nodes(architecture), KERNELS
        case Trees():
            nodes, speed = _nodes(architecture), TREES
            values *= len(architecture.cuts)
    return CALL_US + NODE_US * nodes + speed.mac * macs + speed.value * values


def _nodes(architecture: Architecture) -> float:
    """About so many nodes has the graph in float32."""
    front = _front_nodes(architecture)
    match architecture:
        case Convnet():
            stages, head = architecture.stages, architecture.head
            body = sum(2 + stage.block.separable + 2 * stage.residual for stage in stages)
            return front + 15 + body + 17 * head.statistics + 4 * head.deviation
        case Kernels():
            return front + 30 + 3 * len(architecture.steps) + 17 * architecture.statistics
        case Trees():
            return front + 140 + 40 * (architecture.fourier is not None)
        case Density():
            return front + 30
        case Autoencoder():
            return front + 20 + 3 * len(architecture.layers)


def _front_nodes(design: Design) -> float:
    front = design.front
    return 5 * (design.signals > design.channels) + (front.filters > 1) + 35 * (front.spectrum is not None)
