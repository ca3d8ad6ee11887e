"""The account of unlearned kernels against the compiler's own, which is read off the finished graph."""

from dataclasses import replace

import numpy as np
import pytest

from factory.architectures import FrontEnd, Kernels, Spectrum, Triples
from factory.artifacts import Float32, Footprint, Precision, Trained
from factory.compiler import Reference, compile_model
from factory.search.cost import predict
from factory.training import Lesson, train
from tests.support.models import noise

TOLERANCE = 0.03  # of the file's bytes

SHAPES: dict[str, tuple[int, int, int, Triples]] = {
    "one channel": (200, 1, 2, ()),
    "six": (128, 6, 5, ((0, 1, 2),)),
    "short": (12, 3, 3, ()),
}
FRONTS = {"raw": FrontEnd(), "derived": FrontEnd(True, True, 5)}
POINTS = {
    "few": Kernels(200, 1, 2, (), FrontEnd(), 60, 1, 3),
    "many": Kernels(200, 1, 2, (), FrontEnd(), 1500, 6, 12, relative=True),
    "segments": Kernels(200, 1, 2, (), FrontEnd(), 600, 4, 6, segments=3, relative=True),
    "stride, no statistics": Kernels(200, 1, 2, (), FrontEnd(), 600, 3, stride=2, statistics=False),
}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS.keys())
@pytest.mark.parametrize(("time", "channels", "classes", "triples"), SHAPES.values(), ids=SHAPES.keys())
def test_prediction_is_what_the_compiled_graph_costs(
    time: int, channels: int, classes: int, triples: Triples, front: FrontEnd, point: Kernels
) -> None:
    check(replace(point, time=time, channels=channels, classes=classes, triples=triples, front=front))


def test_a_spectrum_is_predicted_too() -> None:
    check(Kernels(1000, 2, 4, (), FrontEnd(spectrum=Spectrum(64, 32, 16)), 400, 3))


def test_two_classes_cost_what_one_output_does() -> None:
    two, three = (predict(Kernels(100, 1, classes, (), FrontEnd(), 1000, 4))["int8"] for classes in (2, 3))
    assert two.file_bytes < three.file_bytes - 1500


def check(architecture: Kernels) -> None:
    windows = noise(architecture, 10)
    trained = train(architecture, Lesson(windows, np.arange(10) % architecture.classes), 0, 1)
    predicted = predict(architecture)
    for precision in predicted:
        actual = compiled(trained, windows, precision)
        assert predicted[precision].macs == actual.macs
        assert predicted[precision].parameters == actual.parameters
        assert predicted[precision].peak_activation_bytes == actual.peak_activation_bytes
        assert predicted[precision].file_bytes == pytest.approx(actual.file_bytes, rel=TOLERANCE)


def compiled(trained: Trained, windows: Float32, precision: Precision) -> Footprint:
    expected = np.full((len(windows), trained.architecture.classes), 1 / trained.architecture.classes, np.float32)
    return compile_model(trained, precision, Reference(windows, windows, expected)).footprint
