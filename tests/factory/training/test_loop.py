import dataclasses

import numpy as np
import pytest
import torch

from factory.architectures import Block, Convnet, FrontEnd, Head
from factory.artifacts import Trained
from factory.training import DEFAULT, UNKNOWN, Lesson, answers, epochs_for, train
from factory.training.loop import class_weights, filled, widest
from factory.training.recipe import LEAST_BATCH, LEAST_EPOCHS, LEAST_STEPS, LONG, MOST_EPOCHS, STEP_SAMPLES, batch_for
from tests.support.waves import waves


def small(time: int = 64, channels: int = 3, classes: int = 3) -> Convnet:
    return Convnet(time, channels, classes, (), FrontEnd(), (Block(8, 7, 2), Block(16, 5, 2)), Head())


def accuracy(trained: Trained, seed: int = 9) -> float:
    a = trained.architecture
    X, y = waves(120, a.time, a.channels, a.classes, seed)
    return float((answers(trained, X).argmax(1) == y).mean())


def test_it_learns_waves() -> None:
    X, y = waves(240)
    assert accuracy(train(small(), Lesson(X, y), seed=0, epochs=12)) > 0.9


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    X, y = waves(120)
    first, again, other = (train(small(), Lesson(X, y), seed, epochs=2) for seed in (1, 1, 2))
    assert all(np.array_equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert not np.array_equal(first.weights["linear.weight"], other.weights["linear.weight"])


def test_weights_are_float32_and_do_not_share_memory_with_torch() -> None:
    X, y = waves(60)
    trained = train(small(), Lesson(X, y), seed=0, epochs=1)
    assert all(values.dtype == np.float32 and values.flags.owndata for values in trained.weights.values())


def test_windows_are_left_as_they_were() -> None:
    X, y = waves(60)
    X[3, 5] = np.nan
    before = X.copy()
    train(small(), Lesson(X, y), seed=0, epochs=1)
    assert np.array_equal(X, before, equal_nan=True)


EDGES = {
    "one channel of eight samples": (100, 8, 1, 2),
    "sixty channels": (60, 32, 60, 3),
    "twenty classes": (200, 64, 3, 20),
    "fewer windows than a batch": (5, 64, 3, 2),
    "sixteen thousand samples": (20, 16_000, 1, 2),
}


@pytest.mark.parametrize(("n", "time", "channels", "classes"), EDGES.values(), ids=EDGES.keys())
def test_edges(n: int, time: int, channels: int, classes: int) -> None:
    X, y = waves(n, time, channels, classes)
    trained = train(small(time, channels, classes), Lesson(X, y), seed=0, epochs=2)
    probabilities = answers(trained, X)
    assert probabilities.shape == (n, classes)
    assert np.isfinite(probabilities).all()


def test_a_rare_class_is_not_forgotten() -> None:
    X, y = waves(600, classes=2)
    keep = (y == 0) | (np.arange(600) % 30 == 1)
    trained = train(small(classes=2), Lesson(X[keep], y[keep]), seed=0, epochs=15)
    X, y = waves(120, classes=2, seed=5)
    assert (answers(trained, X).argmax(1)[y == 1] == 1).mean() > 0.8


def test_missing_values_are_learned_around() -> None:
    X, y = waves(240)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan
    assert accuracy(train(small(), Lesson(X, y), seed=0, epochs=12)) > 0.9


def test_without_an_average_the_last_weights_are_kept() -> None:
    X, y = waves(120)
    last = train(small(), Lesson(X, y), seed=1, epochs=2, recipe=dataclasses.replace(DEFAULT, average=0.0))
    kept = train(small(), Lesson(X, y), seed=1, epochs=2)
    assert not np.array_equal(last.weights["linear.weight"], kept.weights["linear.weight"])


def test_mixup_is_reproducible_and_still_learns() -> None:
    X, y = waves(240)
    mixing = dataclasses.replace(DEFAULT, mixup=0.2)
    first, again = (train(small(), Lesson(X, y), seed=0, epochs=12, recipe=mixing) for _ in range(2))
    assert np.array_equal(first.weights["linear.weight"], again.weights["linear.weight"])
    assert accuracy(first) > 0.9


def test_a_window_of_unknown_class_is_learned_from_the_teacher() -> None:
    X, y = waves(240)
    soft = np.eye(3, dtype=np.float32)[y]
    unlabelled = np.where(np.arange(len(y)) < 12, y, UNKNOWN)
    assert accuracy(train(small(), Lesson(X, unlabelled, soft), seed=0, epochs=12)) > 0.9


def test_a_window_of_unknown_class_needs_a_teacher() -> None:
    X, y = waves(3)
    with pytest.raises(ValueError, match="teacher"):
        Lesson(X, np.full_like(y, UNKNOWN))


def test_targets_are_the_class_mixed_with_the_teachers_view() -> None:
    X, _ = waves(2)
    soft = np.array([[0.2, 0.8], [0.6, 0.4]], np.float32)
    targets = Lesson(X, np.array([0, UNKNOWN]), soft).targets(2, soft_share=0.5)
    assert np.allclose(targets, [[0.6, 0.4], [0.6, 0.4]])


def test_class_weights_lift_rare_classes_and_keep_the_mean() -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    weights = class_weights(torch.nn.functional.one_hot(labels, 3).float(), exponent=0.5)
    assert weights[1] / weights[0] == pytest.approx(3.0)
    assert weights[2] == 0
    assert weights[labels].mean() == pytest.approx(1.0)


EPOCHS = {
    "enough windows": (1000, 20_000, 20),
    "very many": (50_000, 20_000, LEAST_EPOCHS),
    "very few": (10, 1000, MOST_EPOCHS),
}


@pytest.mark.parametrize(("windows", "seen", "epochs"), EPOCHS.values(), ids=EPOCHS.keys())
def test_epochs_follow_the_windows(windows: int, seen: int, epochs: int) -> None:
    assert epochs_for(windows, seen) == epochs


def test_few_windows_still_get_enough_steps() -> None:
    assert epochs_for(300, 100) * (300 // DEFAULT.batch) >= LEAST_STEPS


def test_long_windows_come_in_smaller_batches_and_fewer_of_them_are_seen() -> None:
    assert batch_for(1000, 128) == DEFAULT.batch
    assert batch_for(1000, 16_000) * 16_000 <= max(STEP_SAMPLES, LEAST_BATCH * 16_000)
    assert batch_for(3, 16_000) == 3
    assert epochs_for(20_000, 160_000, 2 * LONG) == epochs_for(20_000, 80_000, LONG)


def test_what_memory_is_taken_by_is_the_widest_layer() -> None:
    assert widest(small(64, 3)) == 8 * 32
    assert widest(small(64, 9)) == 9 * 64


def test_missing_values_are_filled_once_and_complete_windows_are_not_copied() -> None:
    windows = torch.ones(4, 5, 2)
    assert filled(windows, torch.zeros(2)) is windows
    windows[1, 2, 1] = torch.nan
    assert filled(windows, torch.tensor([7.0, 8.0]))[1, 2].tolist() == [1.0, 8.0]
    assert windows[1, 2, 1].isnan()


@pytest.mark.parametrize(
    "block", [Block(8, 5, 2, branches=True), Block(8, 5, separable=True, dilation=2, branches=True)]
)
def test_branches_learn(block: Block) -> None:
    X, y = waves(240)
    architecture = dataclasses.replace(small(), blocks=(Block(8, 7, 2, branches=True), block))
    assert accuracy(train(architecture, Lesson(X, y), seed=0, epochs=20)) > 0.9
