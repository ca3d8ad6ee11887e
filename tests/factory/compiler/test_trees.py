import functools

import numpy as np
import onnx
import pytest

from edge_agent.guard import Runtime, check
from factory.architectures import FrontEnd, Spectrum, Trees
from factory.artifacts import Compiled, Float32, Precision, Trained
from factory.compiler import Reference, answers, compile_model, latency
from factory.compiler.passes.narrow import Narrow, narrow
from factory.training import Lesson, train
from factory.training import answers as trained_answers
from tests.support.models import noise

TRIPLE = ((0, 1, 2),)
DESIGNS = {
    "signals alone": Trees(30, 3, 3, (), FrontEnd(), 12, 16),
    "everything": Trees(128, 6, 5, TRIPLE, FrontEnd(True, True, 5), 12, 16, 4, 16),
    "a spectrum": Trees(64, 2, 3, (), FrontEnd(spectrum=Spectrum(16, 8, 4)), 8, 8, 2, 8),
    "one frame of a spectrum": Trees(64, 2, 3, (), FrontEnd(spectrum=Spectrum(64, 64, 8)), 4, 8, 2),
    "two classes, one channel": Trees(8, 1, 2, (), FrontEnd(), 5, 4, 8, 8),
    "one stump": Trees(37, 2, 4, (), FrontEnd(), 1, 2),
    "a deep tree of many leaves": Trees(37, 2, 4, (), FrontEnd(), 2, 100),
}
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
every_design = pytest.mark.parametrize("name", DESIGNS)
both = pytest.mark.parametrize("precision", PRECISIONS)


def damaged(architecture: Trees, n: int = 60) -> Float32:
    """Windows with missing values, short clips, whole missing windows, wild offsets and infinities."""
    windows = noise(architecture, n, seed=5)
    windows[np.random.default_rng(0).random(windows.shape) < 0.1] = np.nan
    for index in range(0, n, 3):
        windows[index, 1 + (index % architecture.time) :] = np.nan
    windows[0] = np.nan
    windows[1] += 1e6
    windows[2] *= -1e12
    windows[4, 0, 0] = np.inf
    return windows


@functools.cache
def trained(name: str) -> Trained:
    architecture = DESIGNS[name]
    X = noise(architecture, 200, seed=1)
    return train(architecture, Lesson(X, np.arange(200) % architecture.classes), 0, 1)


@functools.cache
def made(name: str, precision: Precision) -> Compiled:
    windows = damaged(DESIGNS[name])
    return compile_model(trained(name), precision, Reference(windows, windows, trained_answers(trained(name), windows)))


@both
@every_design
def test_a_compiled_model_answers_as_the_trees_do_whatever_the_sensor_gives(name: str, precision: Precision) -> None:
    assert made(name, precision).parity.agreement >= 0.98
    expected = trained_answers(trained(name), damaged(DESIGNS[name]))
    away = np.abs(answers(made(name, precision).onnx, damaged(DESIGNS[name])) - expected).max(1)
    assert (away < 1e-5).mean() >= 0.95  # a feature a hair from a threshold may fall to either side


@every_design
def test_both_precisions_answer_the_same(name: str) -> None:
    windows = damaged(DESIGNS[name])
    wide, narrowed = (answers(made(name, precision).onnx, windows) for precision in PRECISIONS)
    assert np.array_equal(wide, narrowed)


def test_int8_takes_fewer_bytes() -> None:
    wide, narrowed = (made("everything", precision).footprint.file_bytes for precision in PRECISIONS)
    assert narrowed < 0.8 * wide


@both
@every_design
def test_a_window_alone_gets_the_answer_it_gets_among_others(name: str, precision: Precision) -> None:
    windows, blob = noise(DESIGNS[name], 20, seed=2), made(name, precision).onnx
    assert np.allclose(answers(blob, windows, batch=1), answers(blob, windows, batch=20), atol=1e-5)


@both
@every_design
def test_a_device_accepts_it(name: str, precision: Precision) -> None:
    check(made(name, precision).onnx, made(name, precision).operators, Runtime(max_ir=9, max_opset=17))


@both
@every_design
def test_the_same_weights_give_the_same_bytes(name: str, precision: Precision) -> None:
    windows = noise(DESIGNS[name], 3)
    again = compile_model(
        trained(name), precision, Reference(windows, windows, trained_answers(trained(name), windows))
    )
    assert again.onnx == made(name, precision).onnx


def test_the_shape_of_trees_is_found_when_the_model_is_loaded() -> None:
    few, many = (Trees(16, 1, 2, (), FrontEnd(), trees, 16) for trees in (1, 80))
    times = []
    for architecture in (few, many):
        X = noise(architecture, 60)
        model = train(architecture, Lesson(X, np.arange(60) % 2), 0, 1)
        blob = compile_model(model, "int8", Reference(X, X, trained_answers(model, X))).onnx
        times.append(latency(blob, X).p50_us)
    assert times[1] < 4 * times[0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(40), np.uint8),
        (np.arange(40) - 20, np.int8),
        (np.arange(40) + 300, np.float16),
        (np.arange(40) / 8, np.float16),
        (np.arange(40) / 10, None),
        (np.arange(40) * 1e5, None),
        (np.arange(4), None),
    ],
    ids=["bytes", "signed bytes", "beyond a byte", "eighths", "tenths", "too large", "too few"],
)
def test_a_table_gets_the_narrowest_type_that_loses_nothing(values: Float32, kind: type | None) -> None:
    assert narrow(onnx.numpy_helper.from_array(values.astype(np.float32), "table")) is kind


def test_narrow_requires_a_float_table() -> None:
    model = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    with pytest.raises(AssertionError):
        Narrow().requires(model)
