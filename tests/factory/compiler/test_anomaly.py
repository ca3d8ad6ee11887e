"""Detectors as ONNX files: the same answers, the score beside them, the cost that was predicted."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from edge_agent import guard
from factory import compiler, search, training
from factory.artifacts import Compiled, Precision, Trained
from factory.training import anomaly
from tests.support.detectors import detectors, taught
from tests.support.machines import WINDOW, some_missing, windows

KINDS = detectors(WINDOW, 2)
NORMAL, MIXED = windows(200), np.concatenate([some_missing(windows(100, 1)), windows(100, 2, limping=True)])
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
SHAPES = ((8, 1), (30, 3), (64, 2), (100, 60), (201, 6))


def compiled(trained: Trained, precision: Precision) -> Compiled:
    return compiler.compile_model(
        trained, precision, compiler.Reference(NORMAL[:64], MIXED, training.answers(trained, MIXED), {"name": "hum"})
    )


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest) -> Trained:
    return taught(KINDS[request.param], NORMAL)


def test_the_file_answers_as_the_detector_does(trained: Trained) -> None:
    file = compiled(trained, "fp32")
    np.testing.assert_allclose(compiler.Answerer(file.onnx).scores(MIXED), anomaly.scores(trained, MIXED), rtol=2e-3)
    assert file.parity.max_difference < 5e-3
    assert file.parity.agreement > 0.99


def test_int8_scores_are_near_and_its_limits_are_its_own(trained: Trained) -> None:
    file = compiler.Answerer(compiled(trained, "int8").onnx)
    ours, theirs = file.scores(MIXED), anomaly.scores(trained, MIXED)
    assert np.corrcoef(np.log(ours), np.log(theirs))[0, 1] > 0.97
    limited = replace(trained, weights={**trained.weights, **anomaly.limits(file.scores(NORMAL[100:]))})
    answers = compiler.answers(compiled(limited, "int8").onnx, NORMAL[100:])
    assert (answers[:, 1] > 0.5).sum() <= 1


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_answer_is_an_anomaly_where_the_score_is_above_the_threshold(
    trained: Trained, precision: Precision
) -> None:
    file = compiler.Answerer(compiled(trained, precision).onnx)
    answers, scores = file(MIXED, 1), file.scores(MIXED, 1)
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(answers.argmax(1) == 1, scores > trained.weights["anomaly.threshold"])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_device_may_load_it_and_finds_both_outputs(trained: Trained, precision: Precision) -> None:
    file = compiled(trained, precision)
    guard.check(file.onnx, file.operators, guard.Runtime(9, 17))
    outputs = onnx.load_from_string(file.onnx).graph.output
    shapes = {
        each.name: [dim.dim_param or dim.dim_value for dim in each.type.tensor_type.shape.dim] for each in outputs
    }
    assert shapes == {"probabilities": ["batch", 2], "score": ["batch"]}


def test_nothing_in_the_file_is_idle(trained: Trained) -> None:
    graph = onnx.load_from_string(compiled(trained, "fp32").onnx).graph
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    assert all(read.intersection(node.output) for node in graph.node)
    assert all(constant.name in read for constant in graph.initializer)


@pytest.mark.parametrize(("time", "channels"), SHAPES)
def test_what_it_costs_was_predicted(time: int, channels: int) -> None:
    X = np.random.default_rng(0).normal(size=(40, time, channels)).astype(np.float32)
    for name, detector in detectors(time, channels).items():
        trained = taught(detector, X)
        for precision, predicted in search.predict(detector).items():
            reference = compiler.Reference(X, X, training.answers(trained, X))
            found = compiler.compile_model(trained, precision, reference).footprint
            assert predicted.file_bytes == pytest.approx(found.file_bytes, rel=0.04, abs=60), (name, precision)
            assert replace(predicted, file_bytes=found.file_bytes) == found, (name, precision)
