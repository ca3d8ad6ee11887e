"""No hostile model gets past the reading; every model that the factory publishes does."""

import contextlib

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from edge_agent import guard
from edge_agent.errors import Refused
from edge_agent.guard import Runtime
from protocol.messages import Reason
from tests.support import tiny_model
from tests.support.tiny_model import OPERATORS, changed, graph, save

RUNTIME = Runtime(max_ir=9, max_opset=17)

HOSTILE = {
    "a loop that never ends": (tiny_model.add_endless_loop, Reason.OPERATOR_NOT_ALLOWED),
    "weights in another file": (tiny_model.add_external_data, Reason.EXTERNAL_DATA),
    "a function of its own": (tiny_model.add_function, Reason.OPERATOR_NOT_ALLOWED),
    "an operator of a foreign domain": (tiny_model.add_foreign_node, Reason.OPERATOR_NOT_ALLOWED),
    "an operator that is not on the list": (tiny_model.add_random_node, Reason.OPERATOR_NOT_ALLOWED),
    "weights larger than the file": (tiny_model.claim_huge_tensor, Reason.MALFORMED),
    "a constant larger than the file": (tiny_model.claim_hidden_tensor, Reason.MALFORMED),
    "a sparse tensor": (tiny_model.add_sparse_tensor, Reason.OPERATOR_NOT_ALLOWED),
    "no graph": (lambda model: model.ClearField("graph"), Reason.MALFORMED),
    "no opset": (lambda model: model.ClearField("opset_import"), Reason.MALFORMED),
    "no IR version": (lambda model: model.ClearField("ir_version"), Reason.MALFORMED),
    "an IR newer than the runtime": (lambda model: setattr(model, "ir_version", 10), Reason.RUNTIME_TOO_OLD),
    "an opset newer than the runtime": (
        lambda model: setattr(model.opset_import[0], "version", 18),
        Reason.RUNTIME_TOO_OLD,
    ),
}


@pytest.mark.parametrize(("change", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_refuses(change: object, reason: Reason) -> None:
    assert callable(change)
    with pytest.raises(Refused) as refused:
        guard.check(changed(change), [*OPERATORS, "Loop", "RandomNormal", "Constant"], RUNTIME)
    assert refused.value.reason == reason


def test_accepts_the_tiny_model() -> None:
    guard.check(graph(), OPERATORS, RUNTIME)


@pytest.mark.parametrize("listed", [OPERATORS[1:], (*OPERATORS, "Conv")], ids=["one is not listed", "one is not there"])
def test_refuses_a_manifest_with_other_operators(listed: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match=r"manifest and model differ in operators: (Gemm|Conv)"):
        guard.check(graph(), listed, RUNTIME)


def test_refuses_a_subgraph_under_an_innocent_name() -> None:
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node("Softmax", ["window"], ["probabilities"], body=body)
    with pytest.raises(Refused, match="subgraph"):
        guard.check(save([node], {}), ["Softmax"], RUNTIME)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read_and_never_raise_anything_else(data: bytes) -> None:
    with pytest.raises(Refused):
        guard.check(data, OPERATORS, RUNTIME)


@given(st.integers(0, len(graph()) - 1), st.integers(0, 255))
def test_one_wrong_byte_never_raises_anything_but_refused(at: int, value: int) -> None:
    broken = bytearray(graph())
    broken[at] = value
    with contextlib.suppress(Refused):
        guard.check(bytes(broken), OPERATORS, RUNTIME)


def test_every_allowed_operator_exists_in_onnx() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history()}
    assert known >= guard.ALLOWED


def test_an_allowed_operator_never_takes_a_subgraph() -> None:
    for name in guard.ALLOWED:
        attributes = onnx.defs.get_schema(name).attributes.values()
        assert not any("GRAPH" in str(attribute.type).upper() for attribute in attributes), name


def test_the_tiny_model_runs_as_it_is_read() -> None:
    session = ort.InferenceSession(graph(), providers=["CPUExecutionProvider"])
    answer = session.run(None, {"window": np.zeros((1, tiny_model.WINDOW, 3), np.float32)})[0]
    assert answer.sum() == pytest.approx(1)
