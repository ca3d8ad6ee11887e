"""Ridge regression in closed form, its penalty and the sharpness of its answers chosen on windows it was not fitted to.

Rules
1. Features are standardised, classes are targets in [-1, 1], and windows have weights. The smaller of the two normal
   equations is solved: one unknown a feature, or one a window.
2. Windows are divided into folds such that, within a class, neighbours share a fold: windows cut from one recording lie
   next to each other, and would flatter a division at random.
3. The penalty with the least squared error out of fold is taken. Scores times a factor are logits; the factor is the
   one with the least cross-entropy out of fold (Guo et al., "On calibration of modern neural networks", 2017).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

FOLDS = 4
FOLDS_SIZE = 1000  # unknowns up to which all folds are tried; beyond, one of them
PENALTIES = tuple(10.0**exponent for exponent in (-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5))  # of the mean diagonal
FACTORS = tuple(1.1**exponent for exponent in range(-8, 45))
LEAST_DEVIATION = 0.05  # of a feature; below, it is hardly amplified


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer: weight (outputs, features) and bias (outputs)."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, eq=False)
class Problem:
    """Features (n, f), targets (n, classes) as probabilities, and weights of windows (n) with mean 1."""

    features: Tensor
    targets: Tensor
    weights: Tensor


def fit(problem: Problem) -> Linear:
    """The linear layer from features to logits."""
    centre, deviation = _moments(problem)
    X = ((problem.features - centre) / deviation).double()
    Y = 2 * problem.targets.double() - 1
    middle = (problem.weights.double()[:, None] * Y).mean(0)
    solver = _Solver(X, Y - middle, problem.weights.double())
    penalty, seen, scores = _chosen(solver, problem.targets)
    factor = _factor(scores + middle, problem.targets[seen], problem.weights[seen])
    weight = factor * solver.weights(torch.arange(len(X)), penalty).T
    scaled = weight / deviation.double()
    return Linear(scaled.float(), (factor * middle - scaled @ centre.double()).float())


def importance(problem: Problem) -> Tensor:
    """How much each feature (f) adds to the scores of a ridge fit."""
    _, deviation = _moments(problem)
    layer = fit(problem)
    return (layer.weight * deviation).square().sum(0)


def _moments(problem: Problem) -> tuple[Tensor, Tensor]:
    weighted = problem.weights[:, None]
    centre = (problem.features * weighted).mean(0)
    deviation = (problem.features.sub(centre).square() * weighted).mean(0).sqrt()
    return centre, deviation.clamp(min=LEAST_DEVIATION)


class _Solver:
    """Rule 1, for standardised features X and centred targets Y."""

    def __init__(self, X: Tensor, Y: Tensor, weights: Tensor) -> None:
        root = weights.sqrt()[:, None]
        self.X, self.Y, self._rootX, self._rootY = X, Y, X * root, Y * root
        self.by_window = len(X) <= X.shape[1]
        single = self._rootX.float()  # half the time; far more exact than the least penalty is small
        self._products = (single @ single.T if self.by_window else single.T @ single).double()
        self.unknowns = len(self._products)

    def weights(self, rows: Tensor, penalty: float) -> Tensor:
        """Weights (features, classes) fitted to some windows."""
        if self.by_window:
            return self._rootX[rows].T @ _solved(self._products[rows][:, rows], self._rootY[rows], penalty)
        return _solved(self._normal(rows), self._rootX[rows].T @ self._rootY[rows], penalty)

    def scores(self, rows: Tensor, others: Tensor) -> Iterator[Tensor]:
        """Scores of `others` (n, classes) under each penalty, fitted to `rows`."""
        if self.by_window:
            products, right = self._products[rows][:, rows], self._rootY[rows]
            across = self.X[others] @ self._rootX[rows].T
        else:
            products, right = self._normal(rows), self._rootX[rows].T @ self._rootY[rows]
            across = self.X[others]
        for penalty in PENALTIES:
            yield across @ _solved(products, right, penalty)

    def _normal(self, rows: Tensor) -> Tensor:
        left_out = torch.ones(len(self.X), dtype=torch.bool)
        left_out[rows] = False
        rest = self._rootX[left_out]
        return self._products - rest.T @ rest


def _solved(products: Tensor, right: Tensor, penalty: float) -> Tensor:
    ridge = penalty * products.diagonal().mean() + 1e-9
    regular = products.clone()
    regular.diagonal().add_(ridge)
    return torch.cholesky_solve(right, torch.linalg.cholesky(regular))


def _chosen(solver: _Solver, targets: Tensor) -> tuple[float, Tensor, Tensor]:
    """The penalty, and the windows and scores out of fold under it (rules 2 and 3)."""
    fold = folds(targets.argmax(1), FOLDS)
    tried = torch.arange(FOLDS)[fold.bincount(minlength=FOLDS) > 0][: None if solver.unknowns <= FOLDS_SIZE else 1]
    seen = [torch.nonzero(fold == k).flatten() for k in tried]
    each = [list(solver.scores(torch.nonzero(fold != k).flatten(), rows)) for k, rows in zip(tried, seen, strict=True)]
    errors = [
        sum(float((scores[i] - solver.Y[rows]).square().sum()) for rows, scores in zip(seen, each, strict=True))
        for i in range(len(PENALTIES))
    ]
    best = errors.index(min(errors))
    return PENALTIES[best], torch.cat(seen), torch.cat([scores[best] for scores in each])


def folds(classes: Tensor, count: int) -> Tensor:
    """A fold for each window (n): every class in as many stretches as there are folds (rule 2)."""
    fold = torch.zeros_like(classes)
    for first, label in enumerate(torch.nonzero(classes.bincount()).flatten()):
        rows = torch.nonzero(classes == label).flatten()
        fold[rows] = (first + torch.arange(len(rows)) * count // len(rows)) % count
    return fold


def _factor(scores: Tensor, targets: Tensor, weights: Tensor) -> float:
    def loss(factor: float) -> float:
        entropy = functional.cross_entropy(factor * scores, targets.double(), reduction="none")
        return float((entropy * weights).mean())

    return min(FACTORS, key=loss)
