"""Rewrites of an ONNX model, one a file. Each says what it requires, does it, and says what it ensures.

A pass never changes the model it is given. What `requires` or `ensures` finds wrong is a bug of the factory:
`AssertionError`.
"""

from collections.abc import Sequence
from typing import Protocol

import onnx


class Pass(Protocol):
    """One rewrite."""

    def requires(self, model: onnx.ModelProto) -> None:
        """Assert what must hold before."""

    def __call__(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """The rewritten model."""

    def ensures(self, model: onnx.ModelProto) -> None:
        """Assert what holds afterwards."""


def apply(model: onnx.ModelProto, passes: Sequence[Pass]) -> onnx.ModelProto:
    """`model` after all `passes`, in order."""
    for step in passes:
        step.requires(model)
        model = step(onnx.ModelProto.FromString(model.SerializeToString()))
        step.ensures(model)
    return model
