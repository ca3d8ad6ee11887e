"""What every compiled file promises, over architectures drawn from the whole space."""

import functools
import logging
from pathlib import Path

import numpy as np
import onnx
import pytest

from factory.architectures import Block, Convnet, FrontEnd, Head
from factory.artifacts import Compiled, Float32, Precision, Trained
from factory.compiler import Reference, answers, compile_model, facts_of, stamp
from factory.search.space import Space
from factory.training import answers as trained_answers
from tests.support.models import drawn, noise, spaces, untrained

FLOAT_TOLERANCE = 1e-4  # of a probability
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


def reference(trained: Trained, windows: Float32) -> Reference:
    calibration = noise(trained.architecture, 32, seed=7)
    return Reference(calibration, windows, trained_answers(trained, windows), {"task": "test"})


def compiled(trained: Trained, precision: Precision, windows: Float32) -> Compiled:
    return compile_model(trained, precision, reference(trained, windows))


@functools.cache
def network(space: Space) -> Trained:
    return untrained(drawn(space, seed=11), seed=3)


@functools.cache
def made(space: Space, precision: Precision) -> Compiled:
    return compiled(network(space), precision, damaged(network(space)))


def damaged(trained: Trained) -> Float32:
    """Windows with missing values, whole missing windows, wild offsets and infinities."""
    windows = noise(trained.architecture, 24, seed=5)
    windows[np.random.default_rng(0).random(windows.shape) < 0.2] = np.nan
    windows[0] = np.nan
    windows[1] += 1e6
    windows[2] *= -1e12
    windows[3, 0, 0] = np.inf
    return windows


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_fp32_answers_as_the_network_does_whatever_the_sensor_gives(space: Space) -> None:
    assert np.isfinite(trained_answers(network(space), damaged(network(space)))).all()
    assert made(space, "fp32").parity.max_difference < FLOAT_TOLERANCE


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("space", spaces(), ids=str)
def test_probabilities_add_up_to_one(space: Space, precision: Precision) -> None:
    probabilities = answers(made(space, precision).onnx, damaged(network(space)))
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("space", spaces(), ids=str)
def test_a_window_alone_gets_the_answer_it_gets_among_others(space: Space, precision: Precision) -> None:
    windows, blob = damaged(network(space)), made(space, precision).onnx
    assert np.allclose(answers(blob, windows, batch=1), answers(blob, windows, batch=len(windows)), atol=1e-5)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("space", spaces(), ids=str)
def test_the_same_weights_give_the_same_bytes(space: Space, precision: Precision) -> None:
    again = compiled(network(space), precision, noise(network(space).architecture, 8))
    assert again.onnx == made(space, precision).onnx


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("space", spaces(), ids=str)
def test_the_file_is_self_contained_and_for_an_old_enough_runtime(space: Space, precision: Precision) -> None:
    result = made(space, precision)
    model = onnx.ModelProto.FromString(result.onnx)
    onnx.checker.check_model(model, full_check=True)
    assert (result.opset, result.ir, result.precision) == (17, 9, precision)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert {node.op_type for node in model.graph.node} == set(result.operators)
    assert all(constant.data_location == onnx.TensorProto.DEFAULT for constant in model.graph.initializer)
    assert result.footprint.file_bytes == len(result.onnx)
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["window", "probabilities"]


BODIES = {
    "dilated": (Block(8, 7, 2, dilation=2), Block(8, 5, dilation=4)),
    "branches": (Block(8, 7, 2, branches=True), Block(8, 5, branches=True, residual=False)),
    "separable branches": (Block(8, 7, 2), Block(12, 9, 2, separable=True, dilation=3, branches=True)),
}


@pytest.mark.parametrize("blocks", BODIES.values(), ids=BODIES.keys())
def test_what_is_folded_answers_as_the_network_does(blocks: tuple[Block, ...]) -> None:
    trained = untrained(Convnet(64, 4, 3, ((0, 1, 2),), FrontEnd(True), blocks, Head(True)), seed=2)
    windows = noise(trained.architecture, 64, seed=5)
    assert compiled(trained, "fp32", windows).parity.max_difference < FLOAT_TOLERANCE
    assert compiled(trained, "int8", windows).parity.max_difference < 0.2


def test_int8_is_smaller_and_mostly_of_the_same_opinion() -> None:
    trained = untrained(drawn(spaces()[2], seed=11), seed=3)
    windows = noise(trained.architecture, 200, seed=5)
    small, large = (compiled(trained, precision, windows) for precision in ("int8", "fp32"))
    assert small.footprint.file_bytes < 0.6 * large.footprint.file_bytes
    assert small.parity.agreement > 0.9
    assert small.parity.max_difference < 0.2


def test_a_channel_that_never_fires_does_not_drown_the_others_in_int8() -> None:
    architecture = Convnet(64, 4, 3, (), FrontEnd(), (Block(8, 7, 2), Block(16, 5)), Head(statistics=False))
    trained = untrained(architecture, seed=2)
    dead = [3, 16 + 3]  # its average and maximum
    trained.weights["blocks.1.conv.weight"][3] = 0
    trained.weights["blocks.1.norm.bias"][3] = -1
    trained.weights["norm.running_mean"][dead] = 0
    trained.weights["norm.running_var"][dead] = 0
    small = compiled(trained, "int8", noise(architecture, 200, seed=5))
    assert small.parity.agreement > 0.95


def test_quantising_leaves_no_file_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    trained = untrained(drawn(spaces()[1], seed=0))
    level = logging.root.level
    compiled(trained, "int8", noise(trained.architecture, 8))
    assert list(tmp_path.iterdir()) == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
    assert logging.root.level == level


def test_facts_are_stamped_without_a_change_to_the_answers() -> None:
    trained = untrained(drawn(spaces()[1], seed=0))
    windows = noise(trained.architecture, 8)
    plain = compiled(trained, "fp32", windows).onnx
    stamped = stamp(plain, {"b": "2", "a": "ä"})
    assert facts_of(plain) == {"task": "test"}
    assert facts_of(stamped) == {"a": "ä", "b": "2"}
    assert stamp(plain, {"a": "ä", "b": "2"}) == stamped
    assert np.array_equal(answers(stamped, windows), answers(plain, windows))
