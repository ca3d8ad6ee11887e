"""The linear layer's weights as int8 per class: a quarter of the bytes, while the sums stay float."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

MOST = 127


class LinearWeights:
    """See the head of this file."""

    def requires(self, model: onnx.ModelProto) -> None:
        """One Gemm, with constant float weights (classes, features)."""
        assert _weights(model).data_type == onnx.TensorProto.FLOAT

    def __call__(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """The model with int8 weights in its linear layer."""
        stored = _weights(model)
        values = numpy_helper.to_array(stored)
        scale = np.maximum(np.abs(values).max(1), np.finfo(np.float32).tiny) / MOST
        integers = np.round(values / scale[:, None]).astype(np.int8)
        names = [f"{stored.name}_int8", f"{stored.name}_scale", f"{stored.name}_zero"]
        arrays = [integers, scale.astype(np.float32), np.zeros(len(scale), np.int8)]
        model.graph.initializer.remove(stored)
        model.graph.initializer.extend(numpy_helper.from_array(a, n) for a, n in zip(arrays, names, strict=True))
        index = next(i for i, node in enumerate(model.graph.node) if node.op_type == "Gemm")
        model.graph.node.insert(index, helper.make_node("DequantizeLinear", names, [stored.name], axis=0))
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        """The Gemm's weights come out of a DequantizeLinear."""
        gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
        maker = next(node for node in model.graph.node if gemm.input[1] in node.output)
        assert maker.op_type == "DequantizeLinear"


def _weights(model: onnx.ModelProto) -> onnx.TensorProto:
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    weights: onnx.TensorProto = next(c for c in model.graph.initializer if c.name == gemm.input[1])
    return weights
