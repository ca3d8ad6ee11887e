"""A random forest on statistics and spectra of the window (Breiman, 2001; scikit-learn).

`fit` takes 500 full trees whatever the budget; `fit_small` limits leaves so that the forest fits the budget's file
size, and chooses among a few numbers of trees by the validation part. Bytes are what a packed array would take: 8 for
a split (feature, threshold, child) and 1 a class for a leaf. MACs: those of the features; trees only compare.
"""

import math
import time
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from benchmarks.sides import Fitted
from factory.artifacts import TRAIN, VALIDATION, Budget, Dataset, Float32

TREES = 500
SMALL_TREES = (10, 20, 40, 80, 160)
LEAST_LEAVES = 4
SPLIT_BYTES = 8
BANDS = 8
KB = 1000


def fit(dataset: Dataset, _budget: Budget, seed: int) -> Fitted:
    """500 trees that grow to the end."""
    began = time.monotonic()
    model = RandomForestClassifier(TREES, class_weight="balanced_subsample", random_state=seed)
    return _fitted(model.fit(_features(dataset.X), dataset.y), dataset, began)


def fit_small(dataset: Dataset, budget: Budget, seed: int) -> Fitted:
    """As many trees and leaves as fit the size."""
    began = time.monotonic()
    room = math.inf if budget.max_kb is None else budget.max_kb * KB
    features, y = _features(dataset.X), dataset.y
    train, validation = dataset.part == TRAIN, dataset.part == VALIDATION
    scored = []
    for trees in SMALL_TREES:
        leaves = room / trees / (SPLIT_BYTES + len(dataset.task.classes))
        if leaves >= LEAST_LEAVES:
            most = None if math.isinf(leaves) else int(leaves)
            model = RandomForestClassifier(trees, max_leaf_nodes=most, random_state=seed, class_weight="balanced")
            score = model.fit(features[train], y[train]).score(features[validation], y[validation])
            scored.append((score, trees, model))
    best = max(scored, key=lambda each: each[:2])[2]
    return _fitted(best.fit(features, y), dataset, began)


def _fitted(model: RandomForestClassifier, dataset: Dataset, began: float) -> Fitted:
    classes = len(dataset.task.classes)

    def answers(X: Float32) -> Float32:
        whole = np.zeros((len(X), classes), dtype=np.float32)
        whole[:, model.classes_] = model.predict_proba(_features(X))
        return whole

    leaves = sum(tree.get_n_leaves() for tree in model.estimators_)
    splits = leaves - len(model.estimators_)
    _, window, channels = dataset.X.shape
    macs = channels * window * (6 + round(math.log2(window)))  # statistics, and a fast Fourier transform
    return Fitted(answers, SPLIT_BYTES * splits + classes * leaves, macs, time.monotonic() - began)


def _features(X: Float32) -> Float32:
    """(n, time, channels) -> (n, features); missing values have no say."""
    known = np.where(np.isnan(X).all(axis=1, keepdims=True), 0.0, X).astype(np.float64)
    steps = np.diff(known, axis=1)
    steps = np.where(np.isnan(steps).all(axis=1, keepdims=True), 0.0, steps)
    centred = known - np.nanmean(known, axis=1, keepdims=True)
    crossings = (np.diff(np.signbit(centred), axis=1)).mean(axis=1)
    statistics = [
        np.nanmean(known, axis=1),
        np.nanstd(known, axis=1),
        np.nanmin(known, axis=1),
        np.nanmax(known, axis=1),
        np.nanmedian(known, axis=1),
        *np.nanquantile(known, (0.25, 0.75), axis=1),
        np.nanmean(np.abs(steps), axis=1),
        np.nanmax(np.abs(steps), axis=1),
        np.isnan(X).mean(axis=1),
        crossings,
    ]
    features: Float32 = np.concatenate([*statistics, _spectrum(np.nan_to_num(centred))], axis=1).astype(np.float32)
    return features


def _spectrum(centred: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Log power in bands that double in width (n, bands * channels), relative to the whole, and the whole."""
    power = np.abs(np.fft.rfft(centred, axis=1)) ** 2
    edges = np.unique(np.geomspace(1, power.shape[1], BANDS + 1).astype(np.int64))
    bands = np.stack([power[:, a:b].sum(axis=1) for a, b in pairwise(edges)], axis=1)
    whole = bands.sum(axis=1, keepdims=True)
    shares = bands / np.maximum(whole, np.finfo(np.float64).tiny)
    spectrum: npt.NDArray[np.float64] = np.concatenate([shares, np.log1p(whole)], axis=1).reshape(len(centred), -1)
    return spectrum
