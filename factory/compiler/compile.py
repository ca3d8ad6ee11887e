"""From trained weights to one self-contained, checked ONNX file, and how far it is from the network it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx

from factory.architectures import Architecture, Autoencoder, Density, Kernels, Trees
from factory.artifacts import Compiled, Float32, Parity, Precision, Trained
from factory.compiler.footprint import footprint, has_external_data
from factory.compiler.graph import build
from factory.compiler.passes import Pass, apply
from factory.compiler.passes.compact import Compact
from factory.compiler.passes.linear_weights import LinearWeights
from factory.compiler.passes.narrow import Narrow
from factory.compiler.passes.quantise import Quantise
from factory.compiler.session import answers
from factory.compiler.stamp import serialise, stamp


@dataclass(frozen=True, eq=False)
class Reference:
    """What a compiled model is measured against."""

    calibration: Float32  # (n, time, channels): windows of the train part that int8 ranges are taken from
    windows: Float32  # (n, time, channels): real windows
    expected: Float32  # (n, classes): the trained network's probabilities for `windows`
    facts: Mapping[str, str] = field(default_factory=dict)  # stamped into the file


def compile_model(trained: Trained, precision: Precision, reference: Reference) -> Compiled:
    """The ONNX file of `trained` in one precision, its footprint and its parity."""
    passes = _integers(trained.architecture, reference) if precision == "int8" else []
    model = apply(build(trained), [*passes, Compact()])
    onnx.checker.check_model(model, full_check=True)
    assert not has_external_data(model)
    blob = stamp(serialise(model), reference.facts)
    stamped = onnx.ModelProto.FromString(blob)
    return Compiled(
        onnx=blob,
        precision=precision,
        footprint=footprint(stamped),
        operators=tuple(sorted({node.op_type for node in stamped.graph.node})),
        opset=stamped.opset_import[0].version,
        ir=stamped.ir_version,
        parity=parity(reference.expected, answers(blob, reference.windows)),
    )


def _integers(architecture: Architecture, reference: Reference) -> list[Pass]:
    """What makes a float model int8: its convolutions, its linear layer, or both; the tables of trees."""
    match architecture:
        case Density() | Kernels():
            return [LinearWeights()]
        case Autoencoder():
            return [Quantise(reference.calibration)]
        case Trees():
            return [Narrow()]
        case _:
            return [Quantise(reference.calibration), LinearWeights()]


def parity(expected: Float32, actual: Float32) -> Parity:
    """How far two sets of probabilities (n, classes) are apart."""
    return Parity(
        windows=len(expected),
        max_difference=float(np.abs(expected - actual).max()),
        agreement=float((expected.argmax(1) == actual.argmax(1)).mean()),
    )
