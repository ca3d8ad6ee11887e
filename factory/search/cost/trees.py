"""What trees cost.

Trees take no multiplications; their features take those of frequency bands. Trees have the size that their architecture
says, however little there was to learn, so their bytes are known.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.architectures import STATISTICS, Design, FrontEnd, Trees
from factory.artifacts import Footprint, Precision
from factory.search.cost import front

LEAST_NARROWED = 32  # values of a table that is worth a cast, as in the compiler
ORDERED = 5  # quartiles, minimum and maximum


@dataclass(frozen=True)
class _Overhead:
    """What the nodes of each feature take in the file, in bytes; fitted to compiled files (rule 3)."""

    graph: float
    segments: float
    neighbour: float
    fourier: float
    kept: float
    step: float  # down the trees


OVERHEAD: dict[Precision, _Overhead] = {
    "fp32": _Overhead(3043, 677, 178, 1243, 81, 59),
    "int8": _Overhead(2967, 687, 173, 1229, 110, 76),
}


def predict(architecture: Trees) -> Mapping[Precision, Footprint]:
    """The footprint in each precision."""
    macs, parameters = front.macs(architecture), front.parameters(architecture)
    fourier = _as_front_end(architecture)
    if fourier is not None:
        macs, parameters = macs + front.macs(fourier), parameters + front.parameters(fourier)
    peak = max(_activations(architecture))
    return {
        "fp32": Footprint(macs, parameters, peak, _file_bytes(architecture, "fp32")),
        "int8": Footprint(macs, parameters, peak, _file_bytes(architecture, "int8")),
    }


def _as_front_end(architecture: Trees) -> Design | None:
    """A design whose front end does what is done for the frequency bands, if there are any."""
    if architecture.fourier is None:
        return None
    end = FrontEnd(architecture.front.magnitudes, spectrum=architecture.fourier)
    return Design(architecture.time, architecture.channels, architecture.classes, architecture.triples, end)


def _activations(architecture: Trees) -> Iterator[int]:
    """Bytes that the hungriest operators read and write (rule 2)."""
    yield from front.activations(architecture, 4)
    samples, nodes = architecture.inputs * architecture.length, architecture.nodes
    for count in architecture.cuts:
        yield 16 * architecture.inputs * count * (architecture.length // count)  # values in order, 8 byte places
        yield 8 * STATISTICS * architecture.inputs * count
    yield 12 * samples  # stretched: samples, places, samples
    yield 8 * architecture.features
    yield 4 * architecture.features + 4 * architecture.kept
    yield 4 * architecture.kept + 4 * nodes
    states = nodes + architecture.trees * architecture.leaves
    yield max(5 * nodes, nodes + states)
    yield 5 * states  # Where: a truth value in, a state out
    yield 4 * states + 8 * architecture.trees
    yield 4 * architecture.trees * architecture.classes


def _file_bytes(architecture: Trees, precision: Precision) -> int:
    """Of a decision its feature, threshold and first leaf, of a leaf its values; what counts places, and nodes."""
    narrow = precision == "int8"
    trees, leaves, nodes = architecture.trees, architecture.leaves, architecture.nodes
    tables = nodes + _table(nodes, 2 if narrow else 4) + _table(nodes, 1 if narrow else 4)
    tables += _table(trees * leaves * (architecture.classes - 1), 1 if narrow else 4)
    counted = [_table(n, 1 if narrow else 4) for n in (trees, leaves, leaves - 1)]
    places = 8 * math.isqrt(architecture.time)
    each = OVERHEAD[precision]
    overhead = each.graph + each.step * architecture.depth + each.neighbour * len(architecture.neighbours)
    overhead += each.segments * (len(architecture.cuts) - 1) + _fourier_bytes(architecture, each)
    if architecture.kept < architecture.features:
        overhead += each.kept + 2 * architecture.kept
    small = 4 * architecture.classes + 4 * architecture.inputs
    return round(front.file_bytes(architecture, precision) + tables + sum(counted) + places + small + overhead)


def _table(values: int, each: int) -> int:
    """Bytes of a table: few values stay floats."""
    return values * (each if values >= LEAST_NARROWED else 4)


def _fourier_bytes(architecture: Trees, each: _Overhead) -> float:
    """Floor and top of every band, and numbers to count samples and frames with."""
    fourier = architecture.fourier
    if fourier is None:
        return 0
    counted = math.isqrt(fourier.frame) + math.isqrt(fourier.frames(architecture.time))
    return each.fourier + 8 * fourier.bands + 8 * counted
