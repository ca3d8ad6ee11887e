import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeRegressor

from factory.architectures import FrontEnd, Spectrum, Trees
from factory.artifacts import Float32, Int64
from factory.training import UNKNOWN, Lesson, answers, train
from factory.training.features import Features, present, statistics, stretched
from factory.training.flat_tree import flatten, leaf_of
from tests.support.models import noise

TRIPLE = ((0, 1, 2),)
DESIGNS = {
    "signals alone": Trees(40, 3, 3, (), FrontEnd(), 8, 8),
    "segments and bands": Trees(40, 4, 3, TRIPLE, FrontEnd(magnitudes=True), 8, 8, 4, 8),
    "fixed filters": Trees(40, 3, 3, (), FrontEnd(differences=True, smoothing=5), 8, 8, 2),
    "a spectrum": Trees(64, 2, 3, (), FrontEnd(spectrum=Spectrum(16, 8, 4)), 8, 8, 2, 8),
    "one channel": Trees(8, 1, 3, (), FrontEnd(), 8, 4, 8, 8),
}


def task(architecture: Trees, n: int = 240, seed: int = 0) -> tuple[Float32, Int64]:
    """Windows whose class is how fast the first channel swings."""
    rng = np.random.default_rng(seed)
    X, y = noise(architecture, n, seed), rng.integers(0, architecture.classes, n)
    turns = np.arange(architecture.time) * (0.25 + y[:, None]) / 8
    X[:, :, 0] += 6 * np.sin(2 * np.pi * (turns + rng.random((n, 1))))
    return X, y


@pytest.mark.parametrize("architecture", DESIGNS.values(), ids=DESIGNS.keys())
def test_trees_learn_what_new_windows_show(architecture: Trees) -> None:
    trained = train(architecture, Lesson(*task(architecture)), seed=0, epochs=1)
    X, y = task(architecture, seed=1)
    assert (answers(trained, X).argmax(1) == y).mean() > (0.6 if architecture.time < 40 else 0.85)


def test_the_same_seed_gives_the_same_trees() -> None:
    architecture, lesson = DESIGNS["segments and bands"], Lesson(*task(DESIGNS["segments and bands"]))
    first, again, other = (train(architecture, lesson, seed, 1).weights for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["trees.values"], other["trees.values"])


def test_trees_are_as_large_as_the_architecture_says_however_little_there_is_to_learn() -> None:
    architecture = DESIGNS["signals alone"]
    X, y = task(architecture, 6)
    weights = train(architecture, Lesson(X, y), 0, 1).weights
    assert weights["trees.threshold"].shape == (8, 7)
    assert weights["trees.values"].shape == (8, 8, 2)
    assert np.isfinite(answers(train(architecture, Lesson(X[:2], y[:2]), 0, 1), X)).all()


def test_a_teacher_is_followed_where_no_class_is_known() -> None:
    architecture = DESIGNS["signals alone"]
    X, y = task(architecture)
    soft = np.full((len(y), 3), 0.1, np.float32)
    soft[np.arange(len(y)), (y + 1) % 3] = 0.8
    trained = train(architecture, Lesson(X, np.full(len(y), UNKNOWN), soft), 0, 1)
    assert (answers(trained, X).argmax(1) == (y + 1) % 3).mean() > 0.9


def test_a_class_that_never_occurs_is_never_likely() -> None:
    architecture = DESIGNS["signals alone"]
    X, y = task(architecture)
    trained = train(architecture, Lesson(X[y < 2], y[y < 2]), 0, 1)
    assert answers(trained, X)[:, 2].max() < 0.1


def test_thresholds_and_values_are_what_few_bits_hold() -> None:
    weights = train(DESIGNS["one channel"], Lesson(*task(DESIGNS["one channel"])), 0, 1).weights
    thresholds, values = weights["trees.threshold"], weights["trees.values"]
    assert np.array_equal(thresholds, thresholds.astype(np.float16))
    assert np.array_equal(values, values.astype(np.int8))


@pytest.mark.parametrize("leaves", [5, 8, 16, 17])
def test_a_flat_tree_leads_to_the_leaf_that_the_tree_leads_to(leaves: int) -> None:
    rng = np.random.default_rng(leaves)
    codes = rng.integers(0, 9, (300, 4))
    grown = DecisionTreeRegressor(max_leaf_nodes=5, random_state=0).fit(codes, rng.normal(size=(300, 2)))
    tree, nodes = flatten(grown.tree_, leaves)
    assert len(tree.first) == leaves - 1
    assert len(nodes) == leaves
    assert np.array_equal(nodes[leaf_of(tree, codes.astype(np.float32))], grown.apply(codes))


def test_statistics_are_what_they_are_called() -> None:
    x = torch.tensor([1.0, -1.0, 3.0, 5.0, 2.0]).view(1, 1, 1, 5)
    expected = [2.0, 20**0.5, 2 + 4 + 2 + 3, 2, -1.0, 1.0, 2.0, 3.0, 5.0]
    assert torch.allclose(statistics(x, torch.ones(1, 1))[0], torch.tensor(expected))


def test_a_clip_that_was_filled_up_is_stretched_to_the_window() -> None:
    windows = torch.tensor([[1.0, 2.0, torch.nan, 4.0, torch.nan, torch.nan, torch.nan, torch.nan]]).view(1, 8, 1)
    share = present(windows)
    assert share.tolist() == [[0.5]]
    assert stretched(windows.transpose(1, 2).nan_to_num(), share)[0, 0].tolist() == [1, 1, 2, 2, 0, 0, 4, 4]


@pytest.mark.parametrize("architecture", DESIGNS.values(), ids=DESIGNS.keys())
def test_there_are_as_many_features_as_the_architecture_says(architecture: Trees) -> None:
    windows = torch.from_numpy(noise(architecture, 9))
    windows[0] = torch.nan
    windows[1, :, 0] = 3.0
    features = Features(architecture)
    features.fit(windows)
    told = features(windows)
    assert told.shape == (9, architecture.features)
    assert torch.isfinite(told).all()


WRONG = {
    "no tree": {"trees": 0},
    "a tree without a decision": {"leaves": 1},
    "leaves that a byte cannot count": {"leaves": 257},
    "no segment": {"segments": 0},
    "fewer than no bands": {"bands": -1},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_refuses(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"at least|1 of 2 to 256"):
        Trees(8, 1, 2, (), FrontEnd(), **{"trees": 1, "leaves": 2, **wrong})
