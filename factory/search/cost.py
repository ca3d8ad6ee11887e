"""What an architecture will cost on the device, before it is trained. MACs, parameters and peak activation bytes are
exact; the size of the ONNX file is within a few percent (the compiler's account of the finished file is what decides).

Rules
1. MACs: multiplications in convolutions and linear layers, for one window. Parameters: their weights and biases, fixed
   filters included.
2. Peak activation bytes: the most that any one operator of the graph reads and writes. In int8 the values between
   blocks take one byte.
3. File bytes: 4 or 1 a weight, plus what each kind of node takes in the file, measured on files the compiler wrote.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.artifacts import Architecture, Budget, Footprint, Precision, Stage

KB = 1000  # bytes


@dataclass(frozen=True)
class _Overhead:
    """What the file takes beside its weights, in bytes; fitted to 150 compiled files, 60 bytes off at most (rule 3)."""

    graph: float
    block: float
    separable: float
    residual: float
    magnitudes: float
    filters: float
    deviation: float
    statistics: float


FP32 = _Overhead(560, 142, 109, 14, 189, 110, 124, 319)
INT8 = _Overhead(668, 387, 284, 110, 200, 112, 131, 335)


def predict(architecture: Architecture) -> Mapping[Precision, Footprint]:
    """The footprint in each precision."""
    macs, parameters = macs_of(architecture), parameters_of(architecture)
    return {
        "fp32": Footprint(macs, parameters, max(_activations(architecture, 4)), _fp32_bytes(architecture)),
        "int8": Footprint(macs, parameters, max(_activations(architecture, 1)), _int8_bytes(architecture)),
    }


def fits(footprint: Footprint, budget: Budget) -> bool:
    """Whether a model of this footprint may be shipped under `budget`."""
    small = budget.max_kb is None or footprint.file_bytes <= budget.max_kb * KB
    return small and (budget.max_macs is None or footprint.macs <= budget.max_macs)


def affordable(architecture: Architecture, budget: Budget) -> bool:
    """Whether any precision of it is predicted to fit."""
    return any(fits(footprint, budget) for footprint in predict(architecture).values())


def macs_of(architecture: Architecture) -> int:
    """Rule 1."""
    front = architecture.time * _filter_weights(architecture)
    body = sum(_depth_weights(s) * s.length_out + _conv_weights(s) * s.length_out for s in architecture.stages)
    return front + body + architecture.features * architecture.classes


def parameters_of(architecture: Architecture) -> int:
    """Rule 1."""
    body = sum(_depth_weights(s) + _conv_weights(s) + s.block.width for s in architecture.stages)
    return _filter_weights(architecture) + body + (architecture.features + 1) * architecture.classes


def _filter_weights(architecture: Architecture) -> int:
    front = architecture.front
    return architecture.signals * front.filters * max(front.smoothing, 3) if front.filters > 1 else 0


def _depth_weights(stage: Stage) -> int:
    return stage.inputs * stage.block.kernel if stage.block.separable else 0


def _conv_weights(stage: Stage) -> int:
    return stage.inputs * stage.block.width * (1 if stage.block.separable else stage.block.kernel)


def _activations(architecture: Architecture, width: int) -> Iterator[int]:
    """Bytes that the hungriest operators read and write (rule 2); values of the body take `width` bytes."""
    raw, all_signals = architecture.time * architecture.channels, architecture.time * architecture.signals
    magnitudes = all_signals - raw
    yield 9 * raw  # Where: a truth value, a float in, a float out
    yield max(28 * magnitudes, 4 * raw + 12 * magnitudes, 8 * all_signals)
    if architecture.head.statistics:
        yield 8 * all_signals + 4 * architecture.signals
    if architecture.front.filters > 1:
        yield (4 + width * architecture.front.filters) * all_signals
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


def _head_activations(architecture: Architecture, width: int) -> Iterator[int]:
    last = architecture.stages[-1]
    values = last.block.width * last.length_out
    yield width * values + 4 * last.block.width
    if architecture.head.deviation:
        yield (width + 4) * values + 4 * last.block.width
        yield 8 * values
    yield 8 * architecture.features
    yield 4 * (architecture.features + architecture.classes)


def _fp32_bytes(architecture: Architecture) -> int:
    return 4 * parameters_of(architecture) + _input_bytes(architecture) + _overhead(architecture, FP32)


def _int8_bytes(architecture: Architecture) -> int:
    """A weight takes 1 byte; a channel 17: a scale, a zero point, a bias with both of its own (5 without a bias)."""
    stages = architecture.stages
    weights = sum(_depth_weights(s) + _conv_weights(s) for s in stages)
    channels = sum(17 * s.block.width + (5 * s.inputs if s.block.separable else 0) for s in stages)
    linear = (architecture.features + 9) * architecture.classes
    front = 4 * _filter_weights(architecture) + _input_bytes(architecture)
    return front + weights + channels + linear + _overhead(architecture, INT8)


def _input_bytes(architecture: Architecture) -> int:
    """Fill, centre and gain as floats; three 8 byte indices a triple whose magnitude is taken."""
    magnitudes = architecture.signals - architecture.channels
    return 4 * (architecture.channels + 2 * architecture.signals) + 24 * magnitudes


def _overhead(architecture: Architecture, each: _Overhead) -> int:
    stages, head = architecture.stages, architecture.head
    body = sum(each.block + each.separable * s.block.separable + each.residual * s.residual for s in stages)
    front = each.magnitudes * (architecture.signals > architecture.channels) + each.filters * (
        architecture.front.filters > 1
    )
    return round(each.graph + body + front + each.deviation * head.deviation + each.statistics * head.statistics)
