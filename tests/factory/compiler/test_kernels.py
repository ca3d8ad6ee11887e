"""What the graph of unlearned kernels promises beyond what every compiled file does."""

import functools
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from factory.architectures import FrontEnd, Kernels, Spectrum
from factory.artifacts import Float32, Trained
from factory.compiler import Reference, answers, compile_model
from factory.training import Lesson, train
from factory.training import answers as trained_answers
from tests.support.models import noise

DESIGNS = {
    "one channel, two classes": Kernels(60, 1, 2, (), FrontEnd(), 200, 3, 4),
    "one dilation": Kernels(20, 3, 4, (), FrontEnd(), 60, 1, 3),
    "everything derived": Kernels(128, 6, 5, ((0, 1, 2),), FrontEnd(True, True, 9), 300, 5, 6),
    "segments and stride": Kernels(130, 3, 3, (), FrontEnd(), 200, 3, 4, segments=4, stride=3),
    "no statistics": Kernels(60, 2, 3, (), FrontEnd(), 200, 3, 4, statistics=False),
    "a spectrum": Kernels(200, 2, 3, (), FrontEnd(spectrum=Spectrum(32, 8, 8)), 100, 2, 4),
    "more inputs than a byte counts": Kernels(200, 60, 3, (), FrontEnd(spectrum=Spectrum(32, 8, 8)), 100, 2, 4),
    "windows in their own deviations": Kernels(60, 2, 3, (), FrontEnd(), 200, 3, 4, relative=True),
    "a window shorter than a kernel": Kernels(5, 2, 3, (), FrontEnd(), 100, 3, 4),
}


def windows(architecture: Kernels, n: int = 200, seed: int = 1) -> Float32:
    """Coloured noise, some of it missing, some of it constant, some of it wild."""
    X = noise(architecture, n, seed)
    X[np.random.default_rng(seed).random(X.shape) < 0.05] = np.nan
    X[0], X[1], X[2, 0, 0] = np.nan, 1e6, np.inf
    X[3:20, architecture.time // 2 :] = np.nan
    return X


@functools.cache
def made(name: str) -> Trained:
    architecture = DESIGNS[name]
    X = noise(architecture, 60)
    if "own deviations" in name:
        X[::2, 40:] = np.nan
    return train(architecture, Lesson(X, np.arange(60) % architecture.classes), seed=0, epochs=1)


def reference(trained: Trained, X: Float32) -> Reference:
    return Reference(X[:8], X, trained_answers(trained, X))


@pytest.mark.parametrize("name", DESIGNS)
def test_the_graph_answers_as_the_trained_model(name: str) -> None:
    trained, X = made(name), windows(DESIGNS[name])
    actual = answers(compile_model(trained, "fp32", reference(trained, X)).onnx, X)
    expected = trained_answers(trained, X)
    assert np.isfinite(expected).all()
    assert (np.abs(actual - expected).max(1) < 1e-4).mean() > 0.97
    assert (actual.argmax(1) == expected.argmax(1)).mean() >= 0.99


@pytest.mark.parametrize("name", DESIGNS)
def test_int8_is_smaller_and_of_the_same_opinion(name: str) -> None:
    trained, X = made(name), windows(DESIGNS[name])
    large, small = (compile_model(trained, precision, reference(trained, X)) for precision in ("fp32", "int8"))
    assert small.footprint.file_bytes < large.footprint.file_bytes
    assert small.parity.agreement > 0.9


@pytest.mark.parametrize("name", DESIGNS)
def test_a_runtime_computes_taps_and_thresholds_when_it_loads_the_model(name: str, tmp_path: Path) -> None:
    trained = made(name)
    blob = compile_model(trained, "fp32", reference(trained, windows(DESIGNS[name], 24))).onnx
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    onnxruntime.InferenceSession(blob, options)
    left = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert "Floor" not in left
    assert "Abs" not in left or DESIGNS[name].front.spectrum is not None
    assert left.count("Split") == 0
    assert left.count("Conv") >= len(DESIGNS[name].steps)
