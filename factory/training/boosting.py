"""Gradient boosting of trees whose leaves speak for all classes at once (Friedman, 2001; Newton steps as in Chen and
Guestrin, "XGBoost", 2016), in numbers that a device can hold.

Rules
1. Each tree is fitted to what the others leave of the targets, on a random share of the windows; every decision chooses
   from a random few of the features.
2. What a leaf says is a logit of each class less that of the last one, as a whole number of 8 bits times a step that
   all trees share. It is rounded while boosting, so that later trees make up for it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeRegressor

from factory.architectures import Trees
from factory.artifacts import Float32, Int64
from factory.training.flat_tree import FlatTree, flatten

Codes = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]

TREES_TO_LEARN = 12  # that would learn a target in full steps
SLOWEST, FASTEST = 0.1, 0.5  # share of a step that a tree takes
ROWS_SHARE = 0.7  # of the windows that a tree sees
FEATURES_SHARE = 0.3  # that a decision chooses from, one random threshold each
LEAST_FEATURES = 64  # unless there are fewer: where features are few, all are needed
LEAST_WINDOWS = 3  # of a leaf
DOUBT = 1.0  # that is added to the curvature of a leaf
MOST_LOGIT = 4.0  # of a full step
MOST_VALUE = 127
LEAST_SHARE = 1e-3  # of a class that the trees start from


@dataclass(frozen=True, eq=False)
class Forest:
    """What boosting has brought: whole values (trees, leaves, classes - 1), and logits at the start (classes)."""

    trees: tuple[FlatTree, ...]
    values: Float32
    prior: Float32
    step: float


def boost(architecture: Trees, codes: Codes, targets: Float32, weights: Float32, seed: int) -> Forest:
    """Trees for features as whole numbers (n, features), probabilities to learn (n, classes), weights (n)."""
    rng = np.random.default_rng(seed)
    rate = float(np.clip(TREES_TO_LEARN / architecture.trees, SLOWEST, FASTEST))
    step = 2 * MOST_LOGIT * rate / MOST_VALUE
    prior = np.log(np.average(targets, 0, weights) + LEAST_SHARE)
    logits, inputs = np.tile(prior, (len(codes), 1)), codes.astype(np.float32)
    trees, values = [], []
    for _ in range(architecture.trees):
        shares = softmax(logits)
        rows = rng.permutation(len(codes))[: max(2, round(ROWS_SHARE * len(codes)))]
        grower = _grower(architecture, codes.shape[1], int(rng.integers(2**31)))
        grower.fit(inputs[rows], (targets - shares)[rows], weights[rows])
        leaf = grower.tree_.apply(inputs)
        steps = _newton(leaf[rows], targets[rows], shares[rows], weights[rows])
        said = np.clip(np.round(rate / step * (steps[:, :-1] - steps[:, -1:])), -MOST_VALUE, MOST_VALUE)
        logits[:, :-1] += step * said[leaf]
        tree, nodes = flatten(grower.tree_, architecture.leaves)
        trees.append(tree)
        values.append(said[nodes])
    return Forest(tuple(trees), np.stack(values).astype(np.float32), prior.astype(np.float32), step)


def softmax(logits: Float64) -> Float64:
    """Probabilities (n, classes)."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    shares: Float64 = powers / powers.sum(1, keepdims=True)
    return shares


def _grower(architecture: Trees, features: int, seed: int) -> DecisionTreeRegressor:
    """What grows one tree (rule 1)."""
    return DecisionTreeRegressor(
        max_leaf_nodes=architecture.leaves,
        max_depth=architecture.depth,
        max_features=min(features, max(LEAST_FEATURES, round(FEATURES_SHARE * features))),
        min_samples_leaf=LEAST_WINDOWS,
        splitter="random",
        random_state=seed,
    )


def _newton(leaf: Int64, targets: Float32, shares: Float64, weights: Float32) -> Float64:
    """The step (nodes, classes) that windows (n) in each leaf would have every logit take."""
    nodes = int(leaf.max()) + 1
    columns = zip((targets - shares).T, (shares * (1 - shares)).T, strict=True)
    steps = [
        np.bincount(leaf, weights * slope, nodes) / (np.bincount(leaf, weights * bend, nodes) + DOUBT)
        for slope, bend in columns
    ]
    clipped: Float64 = np.clip(np.stack(steps, 1), -MOST_LOGIT, MOST_LOGIT)
    return clipped
