"""What kernels that are not learned cost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.architectures import KERNEL, Kernels
from factory.artifacts import Footprint, Precision
from factory.search.cost import front

MOST_BYTE = 256  # inputs whose number takes one byte


@dataclass(frozen=True)
class _Overhead:
    """What the nodes take in the file, in bytes; fitted to compiled files (rule 3 of the package)."""

    graph: float
    split: float  # where there are several dilations
    dilation: float
    gather: float  # a dilation
    statistics: float
    segments: float
    pair: float  # two classes
    relative: float


OVERHEAD: dict[Precision, _Overhead] = {
    "fp32": _Overhead(818, 54, 184, 68, 324, 62, 71, 160),
    "int8": _Overhead(885, 54, 184, 68, 324, 62, 71, 160),
}
WEIGHT: dict[Precision, int] = {"fp32": 4, "int8": 1}  # bytes
OUTPUT: dict[Precision, int] = {"fp32": 4, "int8": 9}  # a bias; a scale and a zero point of its weights


def predict(architecture: Kernels) -> Mapping[Precision, Footprint]:
    """The footprint in each precision; they differ in the linear layer's bytes alone."""
    macs = front.macs(architecture) + _convolutions(architecture) + architecture.columns * architecture.outputs
    parameters = front.parameters(architecture) + (architecture.columns + 1) * architecture.outputs
    most = max(_activations(architecture))
    return {
        precision: Footprint(macs, parameters, most, round(_bytes(architecture, precision))) for precision in OVERHEAD
    }


def _convolutions(architecture: Kernels) -> int:
    return len(architecture.steps) * architecture.width * KERNEL * architecture.positions


def _activations(architecture: Kernels) -> Iterator[int]:
    """Bytes that the hungriest operators read and write (rule 2)."""
    yield from front.activations(architecture, 4)
    if architecture.statistics:
        yield 8 * architecture.length * architecture.statistics_of + 4 * architecture.statistics_of
    width, length, inputs = architecture.width, architecture.length, architecture.inputs
    if architecture.relative:
        yield 8 * inputs * length + 4 * inputs
    outputs = width * architecture.positions
    truths = outputs * architecture.thresholds
    if inputs > 1:
        yield 4 * (inputs + width) * length
    yield 4 * (outputs + length * (1 if inputs == 1 else width))
    yield 4 * outputs + truths
    yield 5 * truths
    yield 4 * truths + 4 * width * architecture.thresholds * architecture.segments
    yield 8 * max(architecture.shares, architecture.columns if architecture.statistics else 0)
    yield 4 * (architecture.columns + architecture.outputs)
    yield 8 * architecture.classes


def _bytes(architecture: Kernels, precision: Precision) -> float:
    """A kernel takes two bytes and the number of its input, a threshold one."""
    kernels = len(architecture.steps) * architecture.width
    input_bytes = 0 if architecture.inputs == 1 else 1 if architecture.inputs <= MOST_BYTE else 2
    bank = kernels * (2 + input_bytes + architecture.thresholds)
    linear = architecture.outputs * (architecture.columns * WEIGHT[precision] + OUTPUT[precision])
    return front.file_bytes(architecture, precision) + bank + linear + _nodes(architecture, OVERHEAD[precision])


def _nodes(architecture: Kernels, each: _Overhead) -> float:
    dilation = each.dilation + each.gather * (architecture.inputs > 1)
    several = each.relative * architecture.relative + each.split * (len(architecture.steps) > 1)
    choices = several + each.statistics * architecture.statistics + each.segments * (architecture.segments > 1)
    return each.graph + dilation * len(architecture.steps) + choices + each.pair * (architecture.outputs == 1)
