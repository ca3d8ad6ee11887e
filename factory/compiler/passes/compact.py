"""Nothing in the file that does not compute: no names of nodes, no inferable shapes, the shortest names for values."""

import onnx
from onnx import helper

from factory.compiler.graph import INPUT, OPSET, OUTPUT, SCORE

PUBLISHED = (INPUT, OUTPUT, SCORE)  # names that the world outside knows
DIGITS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Compact:
    """See the head of this file."""

    def requires(self, model: onnx.ModelProto) -> None:
        """The input and outputs have the names of every published model."""
        assert [value.name for value in model.graph.input] == [INPUT]
        assert [value.name for value in model.graph.output] in ([OUTPUT], [OUTPUT, SCORE])

    def __call__(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """The model without ballast."""
        short = {name: name for name in PUBLISHED}

        def renamed(name: str) -> str:
            return short.setdefault(name, _short(len(short) - len(PUBLISHED))) if name else name

        for constant in model.graph.initializer:
            constant.name = renamed(constant.name)
        for node in model.graph.node:
            node.ClearField("name")
            node.ClearField("doc_string")
            node.input[:] = [renamed(name) for name in node.input]
            node.output[:] = [renamed(name) for name in node.output]
        model.graph.ClearField("value_info")
        model.ClearField("metadata_props")
        model.ClearField("opset_import")
        model.opset_import.append(helper.make_opsetid("", OPSET))
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        """Only operators of the standard, each with a name for every output."""
        assert all(node.domain == "" and all(node.output) for node in model.graph.node)


def _short(number: int) -> str:
    """a, b, ... 9, aa, ba, ...: a name of its own for every number."""
    name = DIGITS[number % len(DIGITS)]
    return name if number < len(DIGITS) else name + _short(number // len(DIGITS) - 1)
