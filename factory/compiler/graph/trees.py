"""The graph of trees.

Rules
1. All decisions of all trees are taken at once. They make a table: the state that follows on each state. States are the
   leaves of all trees, which follow on themselves, then the decisions.
2. All trees go down at once, a look into the table a step, as many as the deepest tree may need.
3. The file holds of a decision its feature, its threshold and the first leaf below it, of a leaf its values. What else
   describes a tree (training/flat_tree.py) the graph computes, which a runtime does once, when it loads the model:
   the left child of decision j is the last decision before j that has the same first leaf, the right child the last one
   whose first leaf is j + 1, the root the last one whose first leaf is 0. Where there is none, the child is a leaf.
4. Sums of leaves are whole numbers, so they are the same in every order.
"""

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from factory.architectures import Trees
from factory.artifacts import Float32, Trained
from factory.compiler.graph.builder import OUTPUT, Builder
from factory.compiler.graph.features import Features


def build(architecture: Trees, trained: Trained) -> ModelProto:
    """The float32 model of `trained`."""
    builder = Builder()
    features = Features(builder, architecture, trained).joined()
    _Forest(builder, architecture, trained).answer(features)
    return builder.model(architecture)


class _Forest:
    """Adds trees to a graph. States and numbers of decisions are floats until the table is made."""

    def __init__(self, builder: Builder, architecture: Trees, trained: Trained) -> None:
        self._builder, self._architecture, self._weights = builder, architecture, trained.weights
        self._all_leaves = architecture.trees * architecture.leaves
        self._node = self._counted(architecture.leaves - 1)  # (decision)
        tree = self._counted(architecture.trees, column=True)  # (tree, 1)
        self._leaves_before = self._add("Mul", tree, self._floats(architecture.leaves))
        before = self._add("Mul", tree, self._floats(architecture.leaves - 1))
        self._decisions_before = self._add("Add", before, self._floats(self._all_leaves))

    def answer(self, features: str) -> None:
        """Probabilities from features (batch, features)."""
        right = self._decisions(features)  # (batch, states)
        first = self._floats(self._weights["trees.first"])
        table = self._add("Where", right, *self._children(first))
        root = self._last(self._add("Equal", first, self._floats(0)))
        root = self._add("Add", root, self._add("Squeeze", self._decisions_before, self._integers(1)))
        state = self._add("Gather", table, self._state(root), axis=1)  # (batch, tree)
        for _ in range(self._architecture.depth - 1):
            state = self._add("GatherElements", table, state, axis=1)
        values = self._weights["trees.values"]
        said = self._add("Gather", self._floats(values.reshape(-1, values.shape[2])), state)
        total = self._add("ReduceSum", said, self._integers(1), keepdims=0)
        logits = self._add("Mul", total, self._floats(self._weights["trees.step"][0]))
        logits = self._add("Pad", logits, self._integers(0, 0, 0, 1))  # the last class, as others are told against it
        self._add("Softmax", self._add("Add", logits, self._floats(self._weights["trees.prior"])), output=OUTPUT)

    def _decisions(self, features: str) -> str:
        """Whether each state goes right (batch, states): never from a leaf (rule 1)."""
        if self._architecture.kept < self._architecture.features:
            features = self._add("Gather", features, self._index(self._weights["features.kept"], np.uint16), axis=1)
        each = self._add("Gather", features, self._index(self._weights["trees.feature"].ravel(), np.uint8), axis=1)
        right = self._add("GreaterOrEqual", each, self._floats(self._weights["trees.threshold"].ravel()))
        return self._add("Pad", right, self._integers(0, self._all_leaves, 0, 0))

    def _children(self, first: str) -> tuple[str, str]:
        """The state on the right, then on the left, of every state (states); rule 3."""
        row, column = self._node, self._add("Unsqueeze", self._node, self._integers(1))
        others = self._add("Unsqueeze", first, self._integers(1))  # (tree, 1, decision)
        after = self._add("Add", column, self._floats(1))
        right = self._last(self._add("Equal", others, after))
        same = self._add("Equal", others, self._add("Unsqueeze", first, self._integers(2)))
        left = self._last(self._add("And", same, self._add("Less", row, column)))
        beyond = self._add("Add", self._node, self._floats(1))
        return self._states(right, beyond), self._states(left, self._node)

    def _last(self, match: str) -> str:
        """The last decision (...) of which `match` (..., decision) holds, -1: none."""
        return self._add("ReduceMax", self._add("Where", match, self._node, self._floats(-1)), axes=[-1], keepdims=0)

    def _states(self, child: str, leaf: str) -> str:
        """What follows on every state (states): a leaf itself, on a decision its child (tree, decision) or the leaf."""
        is_leaf = self._add("Less", child, self._floats(0))
        leaves = self._add("Add", leaf, self._leaves_before)
        state = self._add("Where", is_leaf, leaves, self._add("Add", child, self._decisions_before))
        own = self._add("Add", self._counted(self._architecture.leaves), self._leaves_before)
        flat = [self._add("Reshape", each, self._integers(-1)) for each in (own, state)]
        return self._state(self._add("Concat", *flat, axis=0))

    def _counted(self, n: int, *, column: bool = False) -> str:
        """0, 1, ... n - 1, (n) or (n, 1)."""
        return self._floats(np.arange(n).reshape(-1, 1) if column else np.arange(n))

    def _index(self, values: Float32, kind: type) -> str:
        """What Gather takes, stored in few bytes."""
        return self._state(self._builder.constant(values, kind))

    def _state(self, values: str) -> str:
        return self._add("Cast", values, to=TensorProto.INT32)

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self._builder.add(operator, *inputs, **attributes)

    def _floats(self, values: Any) -> str:
        return self._builder.constant(values)

    def _integers(self, *values: int) -> str:
        return self._builder.constant(values, np.int64)
