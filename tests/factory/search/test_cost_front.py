"""The account of front ends against the compiler's own, which is read off the finished graph."""

import numpy as np
import pytest

from factory.architectures import Block, Convnet, FrontEnd, Head, Spectrum
from factory.artifacts import Footprint, Precision
from factory.compiler import Reference, compile_model
from factory.search.cost import predict
from tests.support.models import noise, untrained

TOLERANCE = 0.02  # of the file's bytes

FRONTS = {
    "raw": FrontEnd(),
    "magnitudes": FrontEnd(True),
    "filters": FrontEnd(True, True, 9),
    "even bands": FrontEnd(spectrum=Spectrum(64, 32, 16)),
    "mel bands of every signal": FrontEnd(True, spectrum=Spectrum(64, 16, 12, mel=True)),
    "shares of power": FrontEnd(spectrum=Spectrum(50, 50, 8, level=True)),
    "a frame of prime length": FrontEnd(True, spectrum=Spectrum(127, 60, 20, mel=True, level=True)),
}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("statistics", [True, False], ids=["statistics", "without"])
@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS.keys())
def test_prediction_is_what_the_compiled_graph_costs(front: FrontEnd, statistics: bool, precision: Precision) -> None:
    for time, channels in ((200, 6), (1000, 1)):
        triples = ((0, 1, 2),) if channels > 1 else ()
        blocks = (Block(16, 5, 2), Block(16, 3))
        architecture = Convnet(time, channels, 4, triples, front, blocks, Head(statistics=statistics))
        predicted, actual = predict(architecture)[precision], compiled(architecture, precision)
        assert predicted.macs == actual.macs
        assert predicted.parameters == actual.parameters
        assert predicted.peak_activation_bytes == actual.peak_activation_bytes
        assert predicted.file_bytes == pytest.approx(actual.file_bytes, rel=TOLERANCE)


def compiled(architecture: Convnet, precision: Precision) -> Footprint:
    windows = noise(architecture, 8)
    expected = np.full((8, architecture.classes), 1 / architecture.classes, np.float32)
    return compile_model(untrained(architecture), precision, Reference(windows, windows, expected)).footprint
