"""The cost model against the compiler, which counts on the finished graph and shares no code with it."""

import numpy as np
import pytest

from factory.architectures import Convnet
from factory.artifacts import Budget, Footprint, Precision
from factory.compiler import Reference, compile_model
from factory.search.cost import affordable, fits, predict
from factory.search.space import Space
from tests.support.models import drawn, noise, spaces, untrained

TOLERANCE = 0.02  # of the file's bytes


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("space", spaces(), ids=str)
def test_prediction_is_what_the_compiled_graph_costs(space: Space, precision: Precision) -> None:
    for seed in range(6):
        architecture = drawn(space, seed)
        predicted, actual = predict(architecture)[precision], compiled(architecture, precision)
        assert predicted.macs == actual.macs
        assert predicted.parameters == actual.parameters
        assert predicted.peak_activation_bytes == actual.peak_activation_bytes
        assert predicted.file_bytes == pytest.approx(actual.file_bytes, rel=TOLERANCE)


def compiled(architecture: Convnet, precision: Precision) -> Footprint:
    windows = noise(architecture, 8)
    expected = np.full((8, architecture.classes), 1 / architecture.classes, np.float32)
    return compile_model(untrained(architecture), precision, Reference(windows, windows, expected)).footprint


LIMITS = {
    "no limit": (Budget(), True),
    "exactly the size": (Budget(max_kb=2.0), True),
    "a byte too large": (Budget(max_kb=1.999), False),
    "exactly the MACs": (Budget(max_macs=500), True),
    "one too many": (Budget(max_macs=499), False),
}


@pytest.mark.parametrize(("budget", "expected"), LIMITS.values(), ids=LIMITS.keys())
def test_fits(budget: Budget, expected: bool) -> None:
    assert fits(Footprint(macs=500, parameters=1, peak_activation_bytes=1, file_bytes=2000), budget) is expected


def test_one_precision_that_fits_is_enough() -> None:
    architecture = drawn(spaces()[3], 0)
    costs = predict(architecture)
    between = (costs["int8"].file_bytes + costs["fp32"].file_bytes) / 2 / 1000
    assert affordable(architecture, Budget(max_kb=between))
    assert not affordable(architecture, Budget(max_kb=costs["int8"].file_bytes / 1000 - 0.1))
