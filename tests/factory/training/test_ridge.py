import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from factory.training.ridge import FOLDS, Problem, fit, folds, importance


def problem(n: int, columns: int, noise: float, seed: int = 0) -> tuple[Problem, Tensor]:
    """Three classes, told apart by the first three columns; and the classes."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n, columns, generator=generator) * 0.3 + 5
    classes = (features[:, :3] + noise * torch.randn(n, 3, generator=generator)).argmax(1)
    return Problem(features, functional.one_hot(classes, 3).float(), torch.ones(n)), classes


@pytest.mark.parametrize(("n", "columns"), [(600, 20), (200, 400)], ids=["more windows", "more features"])
def test_both_normal_equations_find_the_classes(n: int, columns: int) -> None:
    known, _ = problem(n, columns, noise=0.02)
    new, classes = problem(500, columns, noise=0.0, seed=1)
    layer = fit(known)
    accuracy = ((new.features @ layer.weight.T + layer.bias).argmax(1) == classes).float().mean()
    assert accuracy > (0.9 if n > columns else 0.45)


def test_noise_is_answered_with_modest_probabilities() -> None:
    known, _ = problem(800, 20, noise=3.0)
    new, classes = problem(2000, 20, noise=3.0, seed=1)
    layer = fit(known)
    probabilities = functional.softmax(new.features @ layer.weight.T + layer.bias, 1)
    right = (probabilities.argmax(1) == classes).float().mean()
    assert float(probabilities.amax(1).mean()) == pytest.approx(float(right), abs=0.1)


def test_what_tells_classes_apart_is_important() -> None:
    known, _ = problem(600, 20, noise=0.02)
    assert set(importance(known).topk(3).indices.tolist()) == {0, 1, 2}


def test_a_heavy_window_outweighs_light_ones() -> None:
    features = torch.tensor([[0.0], [0.0], [0.0], [1.0]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    light = fit(Problem(features, targets, torch.tensor([1.0, 1.0, 1.0, 1.0])))
    heavy = fit(Problem(features, targets, torch.tensor([0.1, 0.1, 3.0, 0.8])))
    assert float(light.bias.diff()) < 0 < float(heavy.bias.diff())


def test_neighbours_of_one_class_share_a_fold() -> None:
    classes = torch.from_numpy(np.repeat([0, 1, 2], 40))
    fold = folds(classes, FOLDS)
    assert fold.bincount().tolist() == [30] * FOLDS
    assert int((fold.diff() != 0).sum()) <= 3 * FOLDS
    assert len(folds(torch.tensor([0, 1]), FOLDS).bincount().nonzero()) == 2
