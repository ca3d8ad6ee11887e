"""The cost of trees against the compiler, which counts on the finished graph and shares no code with it."""

import numpy as np
import pytest

from factory.architectures import Trees
from factory.artifacts import Footprint, Precision
from factory.compiler import Reference, compile_model
from factory.search.cost import predict
from factory.search.space import Space
from factory.training import Lesson, answers, train
from tests.support.models import noise, points, spaces

TOLERANCE = 0.05  # of the file's bytes
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_prediction_is_what_the_compiled_graph_costs(space: Space) -> None:
    for seed in range(4):
        architecture = points(space, "trees", seed)
        assert isinstance(architecture, Trees)
        for precision, actual in compiled(architecture).items():
            predicted = predict(architecture)[precision]
            assert predicted.macs == actual.macs
            assert predicted.parameters == actual.parameters
            assert predicted.peak_activation_bytes == actual.peak_activation_bytes
            assert predicted.file_bytes == pytest.approx(actual.file_bytes, rel=TOLERANCE)


def compiled(architecture: Trees) -> dict[Precision, Footprint]:
    windows = noise(architecture, 12)
    trained = train(architecture, Lesson(windows, np.arange(12) % architecture.classes), 0, 1)
    reference = Reference(windows, windows, answers(trained, windows))
    return {precision: compile_model(trained, precision, reference).footprint for precision in PRECISIONS}
