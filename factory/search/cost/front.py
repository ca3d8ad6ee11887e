"""What the front end costs, whatever family stands behind it. The rules are those of the package.

Fourier kernels and band matrices are computed from a few numbers when a model is loaded: they take multiplications,
but no parameters and next to no bytes of the file.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from factory.architectures import Design
from factory.artifacts import Precision


@dataclass(frozen=True)
class _Overhead:
    """What the nodes of each feature take in the file, in bytes; fitted to compiled files (rule 3)."""

    graph: float
    magnitudes: float
    filters: float
    spectrum: float
    mel: float
    level: float


OVERHEAD: dict[Precision, _Overhead] = {
    "fp32": _Overhead(64, 214, 106, 984, 66, 127),
    "int8": _Overhead(62, 220, 120, 1031, 61, 120),
}


def macs(design: Design) -> int:
    """Rule 1."""
    spectrum = design.front.spectrum
    if spectrum is None:
        return design.time * _filter_weights(design)
    return _waves(design) * (spectrum.frame + spectrum.bands)


def parameters(design: Design) -> int:
    """Rule 1: filters, or what is added to the power of each band."""
    spectrum = design.front.spectrum
    return _filter_weights(design) if spectrum is None or spectrum.level else spectrum.bands


def activations(design: Design, width: int) -> Iterator[int]:
    """Bytes that the hungriest operators read and write (rule 2); what convolutions see takes `width` bytes a value."""
    raw, signals = design.time * design.channels, design.time * design.signals
    magnitudes = signals - raw
    yield 9 * raw  # Where: a truth value, a float in, a float out
    yield max(28 * magnitudes, 4 * raw + 12 * magnitudes, 8 * signals)
    if design.front.filters > 1:
        yield (4 + width * design.front.filters) * signals
    if design.front.spectrum is not None:
        yield 4 * signals + 4 * _waves(design)
        yield 8 * _waves(design)  # and their squares


def statistics(design: Design) -> int:
    """Bytes that the hungriest operator of the statistics reads and writes."""
    columns = design.signals if design.front.spectrum is None else design.inputs
    return 8 * design.length * columns + 4 * columns


def file_bytes(design: Design, precision: Precision) -> float:
    """Constants and nodes (rule 3): fill, centre and gain are floats, a triple has three indices of 8 bytes."""
    magnitudes = design.signals - design.channels
    constants = 4 * (design.channels + 2 * design.signals + _filter_weights(design)) + 24 * magnitudes
    each = OVERHEAD[precision]
    nodes = each.graph + each.magnitudes * (magnitudes > 0) + each.filters * (design.front.filters > 1)
    return constants + nodes + _spectrum_bytes(design, each)


def _spectrum_bytes(design: Design, each: _Overhead) -> float:
    """Floor and top of every band, centre and gain of every input, and two rows of numbers to count samples with."""
    spectrum = design.front.spectrum
    if spectrum is None:
        return 0
    row = next(size for size in range(math.isqrt(spectrum.frame), 0, -1) if spectrum.frame % size == 0)
    floats = 2 * spectrum.bands + 2 * design.inputs + row + spectrum.frame // row
    return 4 * floats + each.spectrum + each.mel * spectrum.mel + each.level * spectrum.level


def _waves(design: Design) -> int:
    """Values of all frames' cosines and sines."""
    spectrum = design.front.spectrum
    return 0 if spectrum is None else 2 * spectrum.frequencies * design.signals * spectrum.frames(design.time)


def _filter_weights(design: Design) -> int:
    front = design.front
    return design.signals * front.filters * max(front.smoothing, 3) if front.filters > 1 else 0
