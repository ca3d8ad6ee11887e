"""Static int8 of the body: activations per tensor, weights per output channel, as QuantizeLinear/DequantizeLinear
pairs.

Jacob et al., "Quantization and training of neural networks for integer-arithmetic-only inference", 2018; min-max
calibration. Weights have 7 bits: CPUs without dot-product instructions add two 8 x 8 bit products in 16 bits, which
saturates at 8 bits of weight, so that the same model would answer differently from one CPU to another. The front end
stays float, because raw units know no range.
"""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from factory.artifacts import Float32
from factory.compiler.graph import INPUT, INPUT_STAGE

BATCHES = 4
BODY = {"Add", "Conv", "Relu"}


class Quantise:
    """See the head of this file. `windows` (n, time, channels) are what the ranges of activations are measured on."""

    def __init__(self, windows: Float32) -> None:
        self._windows = windows

    def requires(self, model: onnx.ModelProto) -> None:
        """A float model with convolutions, and windows to measure on."""
        assert len(self._windows) > 0
        assert any(node.op_type == "Conv" for node in model.graph.node)
        assert not any(node.op_type == "QuantizeLinear" for node in model.graph.node)

    def __call__(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """The model with its body in int8."""
        with tempfile.TemporaryDirectory() as folder, _quiet(folder):
            path = Path(folder, "int8.onnx")
            quantize_static(
                model,
                path,
                _Reader(self._windows),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=body(model),
                op_types_to_quantize=sorted(BODY),  # of no other are ranges measured: raw units hold NaN
            )
            return onnx.load(path)

    def ensures(self, model: onnx.ModelProto) -> None:
        """Every convolution of the body has int8 weights, every one of the front end has not."""
        integers = {c.name for c in model.graph.initializer if c.data_type == onnx.TensorProto.INT8}
        scaled = {
            node.output[0]
            for node in model.graph.node
            if node.op_type == "DequantizeLinear" and node.input[0] in integers
        }
        for node in model.graph.node:
            if node.op_type == "Conv":
                assert (node.input[1] in scaled) != node.name.startswith(INPUT_STAGE), node.name


def body(model: onnx.ModelProto) -> list[str]:
    """The nodes that become int8: convolutions, residual additions, and the ReLUs after them."""
    nodes = [node for node in model.graph.node if not node.name.startswith(INPUT_STAGE)]
    into_relu = {name for node in nodes if node.op_type == "Relu" for name in node.input}
    return [
        node.name for node in nodes if node.op_type in BODY and (node.op_type != "Add" or node.output[0] in into_relu)
    ]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """The calibration windows, in a few batches."""

    def __init__(self, windows: Float32) -> None:
        batches = np.array_split(windows, min(BATCHES, len(windows)))
        self._left = iter([{INPUT: batch} for batch in batches])

    def get_next(self) -> dict[str, Float32] | None:
        """The next batch, None at the end."""
        return next(self._left, None)


@contextlib.contextmanager
def _quiet(folder: str) -> Iterator[None]:
    """Keep the quantiser's advice out of the log and its temporary files in `folder`."""
    level, tempdir = logging.root.level, tempfile.tempdir
    logging.root.setLevel(logging.ERROR)
    tempfile.tempdir = folder
    try:
        yield
    finally:
        logging.root.setLevel(level)
        tempfile.tempdir = tempdir
