"""Float tables in the narrowest type that holds all their values exactly, and a cast where they are read: fewer bytes
for the same answers. A runtime casts them once, when it loads the model.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KINDS: tuple[type[np.generic], ...] = (np.uint8, np.int8, np.float16)
LEAST_VALUES = 32  # below, a cast takes more bytes than it saves


class Narrow:
    """See the head of this file."""

    def requires(self, model: onnx.ModelProto) -> None:
        """Float tables."""
        assert any(constant.data_type == TensorProto.FLOAT for constant in model.graph.initializer)

    def __call__(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """The model with its tables narrowed."""
        for constant in list(model.graph.initializer):
            kind = narrow(constant)
            if kind is None:
                continue
            values = numpy_helper.to_array(constant).astype(kind)
            stored = numpy_helper.from_array(values, f"{constant.name}_narrow")
            model.graph.node.insert(0, helper.make_node("Cast", [stored.name], [constant.name], to=TensorProto.FLOAT))
            model.graph.initializer.remove(constant)
            model.graph.initializer.append(stored)
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        """No table is left that could be narrower."""
        assert all(narrow(constant) is None for constant in model.graph.initializer)


def narrow(constant: onnx.TensorProto) -> type[np.generic] | None:
    """The narrower type that holds a float table without loss, if there is one."""
    if constant.data_type != TensorProto.FLOAT:
        return None
    values = numpy_helper.to_array(constant)
    if values.size < LEAST_VALUES:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is not equal
        return next((kind for kind in KINDS if np.array_equal(values.astype(kind), values)), None)
