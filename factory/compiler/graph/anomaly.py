"""The end of every detector's graph: from a score to probabilities.

Rules
1. The output `probabilities` (batch, 2) is what a classification with the classes normal and anomaly has: whoever runs,
   counts and shows classifications does the same with it. Above one half is an anomaly.
2. The output `score` (batch) beside it is the number itself, the higher the stranger. A runtime that is not asked for
   it loses no time.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper

from factory.architectures import Autoencoder, Density
from factory.artifacts import Trained
from factory.compiler.graph import anomaly_autoencoder, anomaly_density
from factory.compiler.graph.builder import INPUT_STAGE, OUTPUT, Builder

SCORE = "score"
LEAST_SCORE = 1e-6  # as in training


def build(architecture: Density | Autoencoder, trained: Trained) -> onnx.ModelProto:
    """The float32 model of `trained`."""
    builder = Builder()
    match architecture:
        case Density():
            squares, over = anomaly_density.squares(builder, trained), "ReduceMin"
        case Autoencoder():
            squares, over = anomaly_autoencoder.squares(builder, trained), "ReduceMean"
    score = builder.add(over, squares, output=SCORE, stage=INPUT_STAGE, axes=[1], keepdims=0)
    _judge(builder, score, trained)
    model = builder.model(architecture)
    _prune(model)
    model.graph.output.append(helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["batch"]))
    return model


def _judge(builder: Builder, score: str, trained: Trained) -> None:
    """slope * log(score / threshold), for and against, through the logistic function."""
    threshold, slope = (float(trained.weights[f"anomaly.{name}"]) for name in ("threshold", "slope"))
    known = builder.add("Add", score, builder.constant(LEAST_SCORE))
    ratio = builder.add("Log", builder.add("Div", known, builder.constant(threshold)))
    # One number a window becomes a row of two by multiplication with [[-slope, slope]].
    column = builder.add("Unsqueeze", ratio, builder.constant([1], np.int64))
    builder.add("Sigmoid", builder.add("Mul", column, builder.constant([[-slope, slope]])), output=OUTPUT)


def _prune(model: onnx.ModelProto) -> None:
    """Drop what nothing reads: the front end offers its signals in two layouts, a detector takes one."""
    nodes = model.graph.node
    while True:
        read = {name for node in nodes for name in node.input} | {OUTPUT}
        idle = [node for node in nodes if not read.intersection(node.output)]
        if not idle:
            break
        for node in idle:
            nodes.remove(node)
    constants = model.graph.initializer
    for constant in [each for each in constants if each.name not in read]:
        constants.remove(constant)
