"""From an architecture of trees and a lesson to trees on features of the window.

Rules
1. Of all features, those are kept that help a forest of quick, random trees most.
2. Thresholds are taken from a few of each feature that divide the training windows evenly, and that a number of 16 bits
   holds exactly. Trees are grown on how many of them a feature reaches.
"""

import time
from dataclasses import replace

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesClassifier
from torch import Tensor

from factory.architectures import Trees
from factory.artifacts import Float32, Int64, Trained
from factory.training.boosting import Codes, boost, softmax
from factory.training.features import Features
from factory.training.flat_tree import FlatTree, leaf_of
from factory.training.lesson import Lesson
from factory.training.loop import class_weights
from factory.training.recipe import DEFAULT, Recipe

CHUNK_VALUES = 4_000_000  # samples times channels whose features are computed at once
THRESHOLDS = 255  # of a feature
CHOOSING_TREES, CHOOSING_WINDOWS = 40, 4000  # by which features are chosen


def train(architecture: Trees, lesson: Lesson, seed: int, recipe: Recipe = DEFAULT) -> Trained:
    """Fit as many trees as the architecture has."""
    began = time.perf_counter()
    torch.set_num_threads(1)
    features = Features(architecture)
    features.fit(torch.from_numpy(lesson.X))
    values = _values(features, lesson.X)
    targets = lesson.targets(architecture.classes, recipe.soft_share)
    kept = _kept(values, targets, architecture.kept, seed)
    edges = _edges(values[:, kept])
    weights = class_weights(torch.from_numpy(targets), recipe.balance).numpy()
    forest = boost(architecture, _codes(values[:, kept], edges), targets, targets @ weights, seed)
    trees = [_with_thresholds(tree, edges) for tree in forest.trees]
    found = {
        **{name: value.numpy().copy() for name, value in features.state_dict().items()},
        "features.kept": kept,
        "trees.feature": np.stack([tree.feature for tree in trees]),
        "trees.threshold": np.stack([tree.threshold for tree in trees]),
        "trees.first": np.stack([tree.first for tree in trees]),
        "trees.values": forest.values,
        "trees.prior": forest.prior,
        "trees.step": np.array([forest.step]),
    }
    state = {name: np.asarray(value, np.float32) for name, value in found.items()}
    return Trained(architecture, state, 0, seed, time.perf_counter() - began)


def answers(trained: Trained, X: Float32) -> Float32:
    """Probabilities (n, classes) of the trees, leaf by leaf."""
    assert isinstance(trained.architecture, Trees)
    weights = trained.weights
    features = Features(trained.architecture)
    state = {
        name: torch.from_numpy(value) for name, value in weights.items() if name.startswith(("front.", "fourier."))
    }
    features.load_state_dict(state)
    values = _values(features, X)[:, weights["features.kept"].astype(np.int64)]
    feature, first = (weights[f"trees.{name}"].astype(np.int64) for name in ("feature", "first"))
    total = np.zeros((len(X), trained.architecture.classes))
    for tree, said in zip(
        map(FlatTree, feature, weights["trees.threshold"], first), weights["trees.values"], strict=True
    ):
        total[:, :-1] += said[leaf_of(tree, values)]
    return softmax(total * weights["trees.step"] + weights["trees.prior"]).astype(np.float32)


def _values(features: Features, X: Float32) -> Float32:
    """Features (n, features) of windows, some at a time."""
    batch = max(1, CHUNK_VALUES // X[0].size)
    with torch.inference_mode():
        parts: list[Tensor] = [features(part) for part in torch.split(torch.from_numpy(X), batch)]
    values: Float32 = torch.cat(parts).numpy()
    return values


def _kept(values: Float32, targets: Float32, count: int, seed: int) -> Int64:
    """Which features are kept, ascending (rule 1)."""
    if count == values.shape[1]:
        return np.arange(count)
    rows = np.random.default_rng(seed).permutation(len(values))[:CHOOSING_WINDOWS]
    forest = ExtraTreesClassifier(CHOOSING_TREES, random_state=seed, n_jobs=1)
    forest.fit(values[rows], targets[rows].argmax(1))
    return np.sort(np.argsort(-forest.feature_importances_, kind="stable")[:count])


def _edges(values: Float32) -> Float32:
    """Thresholds (features, THRESHOLDS) of features (n, features), ascending, then infinite (rule 2)."""
    edges = np.full((values.shape[1], THRESHOLDS), np.inf, np.float32)
    for mine, column in zip(edges, np.sort(values, 0).T, strict=True):
        between = ((column[1:] + column[:-1]) / 2)[column[1:] > column[:-1]]
        places = np.linspace(0, len(between) - 1, min(THRESHOLDS, len(between))).round().astype(np.int64)
        with np.errstate(over="ignore"):  # infinite: never reached, as those that are missing
            exact = np.unique(between[places].astype(np.float16))
        mine[: len(exact)] = exact
    return edges


def _codes(values: Float32, edges: Float32) -> Codes:
    """How many thresholds each feature (n, features) reaches."""
    columns = [np.searchsorted(mine, column, side="right") for mine, column in zip(edges, values.T, strict=True)]
    return np.stack(columns, 1).astype(np.uint8)


def _with_thresholds(tree: FlatTree, edges: Float32) -> FlatTree:
    """A tree over codes as one over features; a twin's decision, at code 0, is always right."""
    return replace(tree, threshold=edges[tree.feature, np.maximum(tree.threshold - 1, 0)])
