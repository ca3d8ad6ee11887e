"""MiniRocket with a ridge classifier, as aeon has it (Dempster, Schmidt and Webb, 2021).

`fit` takes all 9,996 features whatever the budget; `fit_small` as many as the budget's file size holds. Bytes as
stored: a float32 bias for each feature, its mean and deviation folded into float32 ridge weights. MACs: every tap of
every kernel, though its additions would do, and the ridge. Compiling aeon's functions is not counted as time.
"""

import time
from functools import cache

import numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.sides import Filler, Fitted
from factory.artifacts import Budget, Dataset, Float32

FEATURES = 10_000
STEP = 84  # kernels; features come in multiples of it
LEAST_SAMPLES = 9
KB = 1000


def fit(dataset: Dataset, _budget: Budget, seed: int) -> Fitted:
    """With the number of features of the paper."""
    return _fit(dataset, FEATURES, seed)


def fit_small(dataset: Dataset, budget: Budget, seed: int) -> Fitted:
    """With as many features as fit the size; STEP at least, whether they fit or not."""
    columns = _columns(len(dataset.task.classes))
    affordable = FEATURES if budget.max_kb is None else int(budget.max_kb * KB) // (4 * (1 + columns))
    return _fit(dataset, max(STEP, min(FEATURES, affordable)), seed)


def _fit(dataset: Dataset, features: int, seed: int) -> Fitted:
    _compile(dataset.X.shape[2])
    began = time.monotonic()
    fill, rocket = Filler.of(dataset.X), MiniRocket(n_kernels=features, random_state=seed)
    ridge = make_pipeline(StandardScaler(with_mean=True), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
    ridge.fit(rocket.fit_transform(_channels_first(fill(dataset.X))), dataset.y)
    seen, classes = ridge.classes_, len(dataset.task.classes)

    def answers(X: Float32) -> Float32:
        scores = ridge.decision_function(rocket.transform(_channels_first(fill(X))))
        whole = np.full((len(X), classes), -np.inf, dtype=np.float32)
        whole[:, seen] = scores if scores.ndim > 1 else np.stack([-scores, scores], axis=1)
        return whole

    dilations, count = len(rocket.parameters[2]), len(rocket.parameters[4])
    columns = _columns(classes)
    macs = STEP * LEAST_SAMPLES * dilations * dataset.task.window + count * columns
    return Fitted(answers, 4 * count * (1 + columns), macs, time.monotonic() - began)


@cache
def _compile(channels: int) -> None:
    MiniRocket(n_kernels=STEP).fit_transform(np.zeros((2, channels, LEAST_SAMPLES), dtype=np.float32))


def _columns(classes: int) -> int:
    """Of the ridge's weights."""
    return classes if classes > 2 else 1


def _channels_first(X: Float32) -> Float32:
    short = max(0, LEAST_SAMPLES - X.shape[1])
    return np.pad(X.transpose(0, 2, 1), ((0, 0), (0, 0), (0, short))).astype(np.float32)
