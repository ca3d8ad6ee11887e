import numpy as np
import pytest

from factory.compiler import Answerer, answers, latency, scores
from factory.compiler.graph import build
from factory.compiler.stamp import serialise
from tests.support.models import drawn, noise, spaces, untrained

TRAINED = untrained(drawn(spaces()[1], seed=2))
ONNX = serialise(build(TRAINED))
WINDOWS = noise(TRAINED.architecture, 10)


def test_batches_of_any_size_give_one_row_a_window() -> None:
    whole = answers(ONNX, WINDOWS)
    assert whole.shape == (10, TRAINED.architecture.classes)
    for batch in (1, 3, 10, 100):
        assert np.allclose(Answerer(ONNX)(WINDOWS, batch), whole, atol=1e-6)


def test_latency_percentiles_are_in_order() -> None:
    measured = latency(ONNX, WINDOWS)
    assert 0 < measured.p50_us <= measured.p95_us <= measured.p99_us


def test_one_window_is_enough_to_measure_latency() -> None:
    assert latency(ONNX, WINDOWS[:1]).p50_us > 0


def test_bytes_that_are_no_model_and_windows_of_another_shape_are_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"protobuf parsing failed$"):
        Answerer(b"no model")
    with pytest.raises(ValueError, match=r"Got invalid dimensions"):
        answers(ONNX, WINDOWS[:, :-1])


def test_scores_of_all_right_and_all_wrong_answers() -> None:
    y = np.array([0, 1, 2, 1])
    right = np.eye(3, dtype=np.float32)[y]
    assert scores(right, y).accuracy == scores(right, y).macro_f1 == scores(right, y).mean == 1.0
    assert scores(np.roll(right, 1, axis=1), y).mean == 0.0


def test_macro_f1_counts_rare_classes_as_much_as_common_ones() -> None:
    y = np.array([0] * 9 + [1])
    always_common = np.tile(np.array([0.9, 0.1], np.float32), (10, 1))
    measured = scores(always_common, y)
    assert measured.accuracy == 0.9
    assert np.isclose(measured.macro_f1, (2 * 9 / 19 + 0) / 2)


def test_a_class_that_never_occurs_does_not_lower_macro_f1() -> None:
    y = np.array([0, 1])
    assert scores(np.eye(3, dtype=np.float32)[y], y).macro_f1 == 1.0
