"""A decision tree as flat arrays of a fixed size.

Rules
1. Decisions and leaves are numbered in order, from left to right: decision j stands between leaf j and leaf j + 1.
2. A decision goes right where its feature is at least the threshold. Beside feature and threshold it knows `first`, the
   leftmost leaf below it. That is the whole shape of a tree: its leaf is the leftmost one that no decision passes over,
   where a decision that goes right passes over the leaves from its first to its own number, whether it is on the path
   or not (Lucchese et al., "QuickScorer", 2015).
3. A tree with too few leaves gets twins of those nearest the root, so that it becomes no deeper than it must.
"""

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.artifacts import Float32, Int64


@dataclass(frozen=True, eq=False)
class FlatTree:
    """One tree (rules 1 and 2): `feature`, `threshold`, `first` (leaves - 1)."""

    feature: Int64
    threshold: npt.NDArray[np.floating[Any]] | Int64  # in units of the features
    first: Int64


@dataclass
class _Writer:
    """Decisions and leaves as they are met from left to right."""

    tree: Any  # of scikit-learn
    twins: dict[int, int]  # leaves that each of the tree's leaves becomes
    nodes: list[tuple[int, int, int]] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)  # which of the tree's leaves each is

    def write(self, node: int) -> None:
        first, left = len(self.leaves), int(self.tree.children_left[node])
        if left < 0:
            self._write_twins(node, self.twins[node])
            return
        self.write(left)
        self.nodes.append((int(self.tree.feature[node]), int(np.floor(self.tree.threshold[node])) + 1, first))
        self.write(int(self.tree.children_right[node]))

    def _write_twins(self, leaf: int, count: int) -> None:
        first = len(self.leaves)
        if count == 1:
            self.leaves.append(leaf)
            return
        self._write_twins(leaf, count // 2)
        self.nodes.append((0, 0, first))
        self._write_twins(leaf, count - count // 2)


def flatten(tree: Any, leaves: int) -> tuple[FlatTree, Int64]:
    """scikit-learn's tree over whole numbers with `leaves` leaves, and which of its nodes each of them was."""
    writer = _Writer(tree, _twins(tree, leaves))
    writer.write(0)
    feature, threshold, first = np.array(writer.nodes, np.int64).reshape(-1, 3).T
    return FlatTree(feature, threshold, first), np.array(writer.leaves, np.int64)


def leaf_of(tree: FlatTree, values: Float32) -> Int64:
    """The leaf (n) of windows with features (n, features); rule 2."""
    right: Float32 = (values[:, tree.feature] >= tree.threshold).astype(np.float32)
    own = np.arange(len(tree.first))[:, None]
    leaf = np.arange(len(tree.first) + 1)
    passes = ((tree.first[:, None] <= leaf) & (leaf <= own)).astype(np.float32)
    first: Int64 = (right @ passes).argmin(1)
    return first


def _twins(tree: Any, leaves: int) -> dict[int, int]:
    """How many leaves each of the tree's becomes (rule 3)."""
    queue = [(depth, node) for node, depth in _depths(tree)]
    heapq.heapify(queue)
    twins = {node: 1 for _, node in queue}
    for _ in range(leaves - len(queue)):
        depth, node = heapq.heappop(queue)
        twins[node] += 1
        for _ in range(2):
            heapq.heappush(queue, (depth + 1, node))
    return twins


def _depths(tree: Any) -> list[tuple[int, int]]:
    """Every leaf of scikit-learn's tree, and how many decisions lead to it."""
    found, open_nodes = [], [(0, 0)]
    while open_nodes:
        node, depth = open_nodes.pop()
        left = int(tree.children_left[node])
        if left < 0:
            found.append((node, depth))
        else:
            open_nodes += [(left, depth + 1), (int(tree.children_right[node]), depth + 1)]
    return found
