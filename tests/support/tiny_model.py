"""The smallest model that keeps the promises of a published ONNX file, and models that break one of them each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from protocol.chunks import digest
from protocol.manifest import Golden, Manifest, ModelFacts, pack
from tests.support.stream import CHANNELS, CLASSES, RATE_HZ

WINDOW, HOP = 20, 10
OPERATORS = ("Gemm", "ReduceMean", "Softmax")


@dataclass(frozen=True)
class Tiny:
    """A model and the manifest that goes with it."""

    onnx: bytes
    manifest: Manifest


def tiny(seed: int = 0, padding: int = 0, classes: Sequence[str] = CLASSES) -> Tiny:
    """A model that says which channel is highest on average; `padding` makes the file larger by so many bytes."""
    model = graph(seed, padding, len(classes))
    return Tiny(model, manifest_for(model, classes=classes))


def graph(seed: int = 0, padding: int = 0, classes: int = len(CLASSES)) -> bytes:
    """Window -> mean over time -> Gemm -> Softmax."""
    rng = np.random.default_rng(seed)
    weights = np.eye(len(CHANNELS), classes, dtype=np.float32) * 3 + rng.normal(0, 0.1, (len(CHANNELS), classes))
    tensors = {"axes": np.array([1]), "weights": weights.astype(np.float32), "bias": np.zeros(classes, np.float32)}
    nodes = [
        helper.make_node("ReduceMean", ["window"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Gemm", ["mean", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    del tensors["axes"]
    return save(nodes, tensors, padding=padding)


def save(  # noqa: PLR0913  (a builder for tests: each of these is varied by one of them)
    nodes: Sequence[onnx.NodeProto],
    tensors: dict[str, Any],
    *,
    opset: int = 17,
    ir: int = 9,
    input_name: str = "window",
    output_name: str = "probabilities",
    shape: Sequence[Any] = ("batch", WINDOW, len(CHANNELS)),
    padding: int = 0,
) -> bytes:
    """A model file from nodes and tensors."""
    made = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    if padding:
        model.doc_string = "x" * padding
    return bytes(model.SerializeToString())


def manifest_for(model: bytes, classes: Sequence[str] = CLASSES, **changes: Any) -> Manifest:
    """A manifest that tells the truth about this model, but for `changes` of its `ModelFacts` or its own fields."""
    windows = np.random.default_rng(1).normal(0, 1, (4, WINDOW, len(CHANNELS))).astype(np.float32)
    answers = changes.pop("answers", None)
    if answers is None:
        session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        answers = np.concatenate([session.run(None, {"window": one[None]})[0] for one in windows])
    facts = ModelFacts(
        sha256=digest(model),
        length=len(model),
        precision="fp32",
        opset=changes.pop("opset", 17),
        ir=changes.pop("ir", 9),
        operators=changes.pop("operators", OPERATORS),
        parameters=len(CHANNELS) * len(classes),
        macs=len(CHANNELS) * len(classes),
        peak_activation_bytes=4 * WINDOW * len(CHANNELS),
        latency_us_p50=10.0,
    )
    golden = Golden(n=len(windows), windows=pack(windows), answers=pack(answers), tolerance=1e-4)
    manifest = Manifest(
        name="tiny",
        task="classification",
        classes=tuple(classes),
        channels=CHANNELS,
        units=("g",) * len(CHANNELS),
        rate_hz=RATE_HZ,
        window=WINDOW,
        hop=HOP,
        data_digest="0" * 64,
        created=1.0,
        model=facts,
        golden=golden,
    )
    return msgspec.structs.replace(manifest, **changes)


def padded_by_input() -> Tiny:
    """Passes its self-test; where a sample is above 100 it needs 40 GB."""
    weights, numbers = np.eye(3, dtype=np.float32) * 3, np.float32
    tensors = {"weights": weights, "hundred": numbers(100), "many": numbers(1e10), "none": numbers(0)}
    tensors |= {"first": np.array([0], np.int64), "zero": np.zeros(1, np.float32)}
    nodes = [
        helper.make_node("ReduceMean", ["window"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node("ReduceMax", ["window"], ["peak"], keepdims=0),
        helper.make_node("Greater", ["peak", "hundred"], ["high"]),
        helper.make_node("Where", ["high", "many", "none"], ["count"]),
        helper.make_node("Cast", ["count"], ["long"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["long", "first"], ["last"]),
        helper.make_node("Concat", ["first", "last"], ["pads"], axis=0),
        helper.make_node("Pad", ["zero", "pads"], ["padded"]),
        helper.make_node("ReduceSum", ["padded"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["logits", "nothing"], ["sum"]),
        helper.make_node("Softmax", ["sum"], ["probabilities"], axis=1),
    ]
    model = save(nodes, tensors)
    operators = tuple(sorted({node.op_type for node in nodes}))
    return Tiny(model, manifest_for(model, operators=operators))


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    """The tiny model after `change` has been at it."""
    model = onnx.load_from_string(graph())
    change(model)
    return bytes(model.SerializeToString())


def add_endless_loop(model: onnx.ModelProto) -> None:
    """A Loop whose condition is always true."""
    infos = [
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("i", TensorProto.INT64), ("go", TensorProto.BOOL), ("on", TensorProto.BOOL))
    ]
    body = helper.make_graph([helper.make_node("Identity", ["go"], ["on"])], "body", infos[:2], infos[2:])
    model.graph.node.append(helper.make_node("Loop", ["", "yes"], [], body=body))


def add_external_data(model: onnx.ModelProto) -> None:
    """The weights are in /etc/passwd."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def add_function(model: onnx.ModelProto) -> None:
    """A function of its own."""
    node = helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(helper.make_function("mine", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 17)]))


def add_foreign_node(model: onnx.ModelProto) -> None:
    """An operator of another domain."""
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    model.graph.node.append(helper.make_node("Softmax", ["probabilities"], ["more"], domain="com.example"))


def add_random_node(model: onnx.ModelProto) -> None:
    """An operator that the list does not allow."""
    model.graph.node.append(helper.make_node("RandomNormal", [], ["noise"], shape=[10**6]))


def claim_huge_tensor(model: onnx.ModelProto) -> None:
    """Weights of more numbers than the file holds."""
    model.graph.initializer[0].dims[:] = [2**40, 2**40]


def claim_hidden_tensor(model: onnx.ModelProto) -> None:
    """The same, inside a node."""
    tensor = numpy_helper.from_array(np.zeros(1, np.float32), "c")
    tensor.dims[:] = [2**50]
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def add_sparse_tensor(model: onnx.ModelProto) -> None:
    """A tensor whose size has nothing to do with the file's."""
    model.graph.sparse_initializer.add().dims[:] = [2**50]


def with_nan_weights(model: onnx.ModelProto) -> None:
    """Weights that are no numbers."""
    model.graph.initializer[0].raw_data = np.full((3, 3), np.nan, np.float32).tobytes()
