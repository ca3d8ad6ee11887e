"""What a convolutional network costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.architectures import Convnet, Stage
from factory.artifacts import Footprint, Precision
from factory.search.cost import front


@dataclass(frozen=True)
class _Overhead:
    """What the file takes beside its weights, in bytes; fitted to 150 compiled files, 60 bytes off at most (rule 3)."""

    graph: float
    block: float
    separable: float
    residual: float
    deviation: float
    statistics: float
    differences: float  # the statistics of them, where there is more than one sample


FP32 = _Overhead(560, 142, 109, 14, 124, 334, 262)
INT8 = _Overhead(668, 387, 284, 110, 131, 358, 250)


def predict(architecture: Convnet) -> Mapping[Precision, Footprint]:
    """The footprint in each precision."""
    macs, parameters = macs_of(architecture), parameters_of(architecture)
    return {
        "fp32": Footprint(macs, parameters, max(_activations(architecture, 4)), _fp32_bytes(architecture)),
        "int8": Footprint(macs, parameters, max(_activations(architecture, 1)), _int8_bytes(architecture)),
    }


def macs_of(architecture: Convnet) -> int:
    """Rule 1."""
    body = sum(_depth_weights(s) * s.length_out + _conv_weights(s) * s.length_out for s in architecture.stages)
    return front.macs(architecture) + body + architecture.features * architecture.classes


def parameters_of(architecture: Convnet) -> int:
    """Rule 1."""
    body = sum(_depth_weights(s) + _conv_weights(s) + s.block.width for s in architecture.stages)
    return front.parameters(architecture) + body + (architecture.features + 1) * architecture.classes


def _depth_weights(stage: Stage) -> int:
    return stage.inputs * stage.block.kernel if stage.block.separable else 0


def _conv_weights(stage: Stage) -> int:
    return stage.inputs * stage.block.width * (1 if stage.block.separable else stage.block.kernel)


def _activations(architecture: Convnet, width: int) -> Iterator[int]:
    """Bytes that the hungriest operators read and write (rule 2); values of the body take `width` bytes."""
    yield from front.activations(architecture, width)
    if architecture.head.statistics:
        columns = architecture.signals if architecture.front.spectrum is None else architecture.inputs
        yield front.statistics(architecture)
        yield 12 * (architecture.length - 1) * columns  # later minus earlier samples
    for stage in architecture.stages:
        yield from _stage_activations(stage, width)
    yield from _head_activations(architecture, width)


def _stage_activations(stage: Stage, width: int) -> Iterator[int]:
    before, after = stage.inputs * stage.length_in, stage.block.width * stage.length_out
    if stage.block.separable:
        between = stage.inputs * stage.length_out
        yield width * (before + between)
        yield width * (between + after)
    else:
        yield width * (before + after)
    if stage.residual:
        yield 3 * width * after
    if width > 1:
        yield 2 * width * after  # ReLU is part of the convolution in int8


def _head_activations(architecture: Convnet, width: int) -> Iterator[int]:
    last = architecture.stages[-1]
    values = last.block.width * last.length_out
    yield width * values + 4 * last.block.width
    if architecture.head.deviation:
        yield (width + 4) * values + 4 * last.block.width
        yield 8 * values
    yield 8 * architecture.features
    yield 4 * (architecture.features + architecture.classes)


def _fp32_bytes(architecture: Convnet) -> int:
    learned = parameters_of(architecture) - front.parameters(architecture)
    return round(4 * learned + front.file_bytes(architecture, "fp32") + _overhead(architecture, FP32))


def _int8_bytes(architecture: Convnet) -> int:
    """A weight takes 1 byte; a channel 17: a scale, a zero point, a bias with both of its own (5 without a bias)."""
    stages = architecture.stages
    weights = sum(_depth_weights(s) + _conv_weights(s) for s in stages)
    channels = sum(17 * s.block.width + (5 * s.inputs if s.block.separable else 0) for s in stages)
    linear = (architecture.features + 9) * architecture.classes
    fixed = front.file_bytes(architecture, "int8") + _overhead(architecture, INT8)
    return round(weights + channels + linear + fixed)


def _overhead(architecture: Convnet, each: _Overhead) -> float:
    stages, head = architecture.stages, architecture.head
    body = sum(each.block + each.separable * s.block.separable + each.residual * s.residual for s in stages)
    statistics = head.statistics * (each.statistics + each.differences * (architecture.length > 1))
    return each.graph + body + each.deviation * head.deviation + statistics
