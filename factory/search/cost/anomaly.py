"""What a detector costs. The rules are those of the package; a score and its threshold take next to nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.architectures import Autoencoder, Density, Layer
from factory.artifacts import Footprint, Precision
from factory.search.cost import front

SHORTEST = 16  # bytes that the last operators read and write, whatever is before them
WIDTH: Mapping[Precision, int] = {"fp32": 4, "int8": 1}  # bytes of a value between convolutions


@dataclass(frozen=True)
class _Overhead:
    """What nodes take in the file, in bytes; fitted to compiled files (rule 3)."""

    density: float
    both: float  # of two kinds of features in place of one
    spread: float
    middles: float
    autoencoder: float
    layer: float
    upwards: float  # of a layer on the way out
    cut: float  # of what is longer than the window


OVERHEAD: Mapping[Precision, _Overhead] = {
    "fp32": _Overhead(705, 53, 137, 30, 570, 150, 197, 76),
    "int8": _Overhead(773, 54, 137, 30, 529, 430, 223, 83),
}


def predict(architecture: Density | Autoencoder) -> Mapping[Precision, Footprint]:
    """The footprint in each precision."""
    match architecture:
        case Density():
            return {precision: _density(architecture, precision) for precision in OVERHEAD}
        case Autoencoder():
            return {precision: _autoencoder(architecture, precision) for precision in OVERHEAD}


def _density(architecture: Density, precision: Precision) -> Footprint:
    weights = architecture.features**2
    each = OVERHEAD[precision]
    beside = 4 if precision == "fp32" else 1 + 5 / architecture.features  # a scale and a zero point a row
    size = (
        front.file_bytes(architecture, precision)
        + weights * beside
        + 4 * architecture.features
        + each.density
        + each.both * (architecture.level and architecture.spread)
        + each.spread * architecture.spread
        + (4 * architecture.middles * architecture.features + each.middles) * (architecture.middles > 1)
    )
    return Footprint(
        front.macs(architecture) + weights,
        front.parameters(architecture) + weights,
        max(_density_activations(architecture)),
        round(size),
    )


def _density_activations(architecture: Density) -> Iterator[int]:
    tracks, values = architecture.tracks, architecture.tracks * architecture.length
    yield from front.activations(architecture, 4)
    yield 4 * (values + tracks)
    if architecture.spread:
        yield 4 * (2 * values + tracks)
    yield 8 * architecture.features * architecture.middles  # squares around every middle
    yield SHORTEST


def _autoencoder(architecture: Autoencoder, precision: Precision) -> Footprint:
    layers = architecture.layers
    each = OVERHEAD[precision]
    weights = sum(_weights(layer, architecture.kernel) for layer in layers)
    channels = sum(_channels(layer) for layer in layers)
    stored = 4 * (weights + channels) if precision == "fp32" else weights + 17 * channels
    nodes = sum(each.layer + each.upwards * layer.upwards for layer in layers)
    size = (
        front.file_bytes(architecture, precision)
        + stored
        + 4 * architecture.inputs
        + each.autoencoder
        + nodes
        + each.cut * (layers[-1].length_out > architecture.length)
    )
    return Footprint(
        front.macs(architecture) + sum(_weights(layer, architecture.kernel) * _steps(layer) for layer in layers),
        front.parameters(architecture) + weights + channels,
        max(_autoencoder_activations(architecture, WIDTH[precision])),
        round(size),
    )


def _channels(layer: Layer) -> int:
    """What the convolution puts out: twice as many on the way out."""
    return 2 * layer.outputs if layer.upwards else layer.outputs


def _steps(layer: Layer) -> int:
    """Places that the convolution is taken at."""
    return layer.length_in if layer.upwards else layer.length_out


def _weights(layer: Layer, kernel: int) -> int:
    return layer.inputs * _channels(layer) * kernel


def _autoencoder_activations(architecture: Autoencoder, width: int) -> Iterator[int]:
    layers, window = architecture.layers, architecture.inputs * architecture.length
    yield from front.activations(architecture, 4)
    for layer in layers:
        made = _channels(layer) * _steps(layer)
        yield width * (layer.inputs * layer.length_in + made)
        if layer.rectified and width > 1:
            yield 2 * width * made  # ReLU is part of the convolution in int8
        if layer.upwards:
            yield 8 * made  # between pairs of channels and pairs of samples, always float
    if layers[-1].length_out > architecture.length:
        yield 4 * (architecture.inputs * layers[-1].length_out + window)
    yield 12 * window  # what came back, less what went in
    yield SHORTEST
