"""The front end of a graph against that of training, and what it takes in the file."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from edge_agent import guard
from factory.architectures import Block, Convnet, FrontEnd, Head, Spectrum
from factory.artifacts import Float32, Precision, Trained
from factory.compiler import Reference, answers, compile_model
from factory.compiler.footprint import footprint
from factory.compiler.graph import build
from factory.training import answers as trained_answers
from tests.support.models import noise, untrained

TOLERANCE = 1e-4  # of a probability
FRONTS = [
    FrontEnd(True, True, 5),
    FrontEnd(spectrum=Spectrum(64, 32, 12)),
    FrontEnd(True, spectrum=Spectrum(64, 16, 8, mel=True)),
    FrontEnd(spectrum=Spectrum(50, 25, 6, level=True)),
    FrontEnd(True, spectrum=Spectrum(37, 37, 9, mel=True, level=True)),
    FrontEnd(spectrum=Spectrum(8, 4, 4)),
]


def network(front: FrontEnd, time: int = 300, channels: int = 4) -> Trained:
    triples = ((0, 1, 2),) if channels > 2 else ()
    return untrained(Convnet(time, channels, 3, triples, front, (Block(8, 3, 2), Block(8, 3)), Head(True)))


def damaged(trained: Trained) -> Float32:
    """Windows with missing values, whole and halves of windows missing, wild offsets and infinities."""
    windows = noise(trained.architecture, 24, seed=5)
    windows[:8][np.random.default_rng(0).random(windows[:8].shape) < 0.2] = np.nan
    windows[0] = np.nan
    windows[1] += 1e6
    windows[2] *= -1e12
    windows[3, 0, 0] = np.inf
    windows[9:12, 150:] = np.nan
    return windows


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_a_graph_answers_as_the_network_does_whatever_the_sensor_gives(front: FrontEnd, channels: int) -> None:
    trained = network(front, channels=channels)
    windows = damaged(trained)
    expected = trained_answers(trained, windows)
    assert np.isfinite(expected).all()
    assert np.abs(expected - answers(build(trained).SerializeToString(), windows)).max() < TOLERANCE


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_the_agent_takes_it_in_both_precisions(front: FrontEnd, precision: Precision) -> None:
    trained = network(front)
    windows = noise(trained.architecture, 64)
    compiled = compile_model(trained, precision, Reference(windows, windows, trained_answers(trained, windows)))
    guard.check(compiled.onnx, compiled.operators, guard.Runtime(max_ir=9, max_opset=17))
    assert compiled.parity.agreement > 0.9


def test_raw_windows_with_missing_values_can_be_quantised() -> None:
    trained = network(FrontEnd(spectrum=Spectrum(64, 32, 8)), channels=1)
    windows = noise(trained.architecture, 32)
    windows[:, 200:] = np.nan
    expected = trained_answers(trained, windows)
    assert compile_model(trained, "int8", Reference(windows, windows, expected)).parity.max_difference < 0.2


def test_a_runtime_computes_the_kernels_when_it_loads_the_model(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("optimised") / "model.onnx"
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    model = build(network(FrontEnd(spectrum=Spectrum(256, 128, 32, mel=True)), 1000, 1))
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    optimised = onnx.load(path).graph
    constants = {constant.name for constant in optimised.initializer}
    convolutions = [node for node in optimised.node if node.op_type == "Conv"]
    assert len(convolutions) == 4
    assert all(node.input[1] in constants for node in convolutions)
    assert {"Cos", "Sin", "Floor", "Abs"}.isdisjoint(node.op_type for node in optimised.node)


def test_a_long_frame_takes_hardly_more_of_the_file_than_a_short_one() -> None:
    short, long = (build(network(FrontEnd(spectrum=Spectrum(n, 32, 8)), 2000, 1)).ByteSize() for n in (64, 1024))
    assert long - short < 300


def test_computed_kernels_cost_multiplications_but_are_no_parameters() -> None:
    frame, hop, bands, time = 16, 8, 4, 40
    front, head = FrontEnd(spectrum=Spectrum(frame, hop, bands)), Head(statistics=False)
    trained = untrained(Convnet(time, 1, 2, (), front, (Block(4, 1),), head))
    frames = 1 + (time - frame) // hop
    counted = footprint(build(trained))
    features = 2 * 4
    assert counted.macs == frames * (frame * frame + frame * bands + bands * 4) + features * 2
    assert counted.parameters == bands + bands * 4 + 4 + features * 2 + 2


def test_one_more_computed_constant_changes_no_account() -> None:
    model = build(network(FrontEnd(spectrum=Spectrum(16, 8, 4)), 100, 1))
    before = footprint(model)
    name = model.graph.initializer[0].name
    model.graph.node.insert(0, helper.make_node("Identity", [name], ["same"]))
    after = footprint(model)
    assert (after.macs, after.parameters) == (before.macs, before.parameters)
    assert after.peak_activation_bytes == before.peak_activation_bytes
