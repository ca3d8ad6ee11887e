import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from factory.compiler.graph import build
from factory.compiler.passes import Pass, apply
from factory.compiler.passes.compact import Compact
from factory.compiler.passes.linear_weights import LinearWeights
from factory.compiler.passes.quantise import Quantise, body
from factory.compiler.session import answers
from tests.support.models import drawn, noise, spaces, untrained

TRAINED = untrained(drawn(spaces()[2], seed=4), seed=1)
WINDOWS = noise(TRAINED.architecture, 64)
PASSES: dict[str, Pass] = {"quantise": Quantise(WINDOWS), "linear weights": LinearWeights(), "compact": Compact()}
LEVELS_7_BITS = 64


def model() -> onnx.ModelProto:
    return build(TRAINED)


@pytest.mark.parametrize("step", PASSES.values(), ids=PASSES.keys())
def test_a_pass_leaves_its_input_alone_and_is_deterministic(step: Pass) -> None:
    before = model()
    once, again = apply(before, [step]), apply(before, [step])
    assert before.SerializeToString() == model().SerializeToString()
    assert once.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)


@pytest.mark.parametrize("step", PASSES.values(), ids=PASSES.keys())
def test_a_pass_keeps_the_meaning(step: Pass) -> None:
    before, after = model(), apply(model(), [step])
    difference = np.abs(answers(before.SerializeToString(), WINDOWS) - answers(after.SerializeToString(), WINDOWS))
    assert difference.max() < 0.2
    assert difference.mean() < 0.02


def test_compacting_changes_no_answer_at_all() -> None:
    before, after = model(), apply(model(), [Compact()])
    assert np.array_equal(answers(before.SerializeToString(), WINDOWS), answers(after.SerializeToString(), WINDOWS))
    assert after.ByteSize() < before.ByteSize()
    assert max(len(constant.name) for constant in after.graph.initializer) <= 2


def test_weights_have_seven_bits_so_that_no_cpu_saturates() -> None:
    quantised = apply(model(), [Quantise(WINDOWS)])
    weights = [
        numpy_helper.to_array(c)
        for c in quantised.graph.initializer
        if c.name.endswith("_quantized") and len(c.dims) > 1
    ]
    assert len(weights) == sum(
        node.op_type == "Conv" for node in quantised.graph.node if not node.name.startswith("input")
    )
    assert all(np.abs(values.astype(int)).max() <= LEVELS_7_BITS for values in weights)


def test_the_front_end_stays_float() -> None:
    assert not any(name.startswith("input") for name in body(model()))
    assert sum(node.op_type == "Conv" for node in model().graph.node) > 1


def test_a_quantised_model_is_not_quantised_again() -> None:
    with pytest.raises(AssertionError):
        apply(model(), [Quantise(WINDOWS), Quantise(WINDOWS)])


def test_a_linear_layer_without_float_weights_is_refused() -> None:
    with pytest.raises((AssertionError, StopIteration)):
        apply(model(), [LinearWeights(), LinearWeights()])
