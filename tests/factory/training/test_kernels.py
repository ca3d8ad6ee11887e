import numpy as np
import pytest
import torch

from factory.architectures import KERNEL, FrontEnd, Kernels, Spectrum
from factory.artifacts import Float32, Int64
from factory.training import UNKNOWN, Lesson, answers, train
from factory.training.kernels import Scale, apart, convolved, shares, taps
from tests.support.models import noise

TRIPLE = ((0, 1, 2),)
DESIGNS = {
    "signals alone": Kernels(40, 3, 3, (), FrontEnd(), 200, 3, 4),
    "everything derived": Kernels(40, 4, 3, TRIPLE, FrontEnd(True, True, 5), 200, 3, 4),
    "segments": Kernels(40, 3, 3, (), FrontEnd(), 200, 2, 4, segments=3),
    "every other position": Kernels(40, 3, 3, (), FrontEnd(), 200, 2, 4, stride=2, statistics=False),
    "a spectrum": Kernels(64, 2, 3, (), FrontEnd(spectrum=Spectrum(16, 8, 4)), 100, 1, 4),
    "one channel": Kernels(40, 1, 3, (), FrontEnd(), 200, 3, 4),
    "more features than kernels have": Kernels(12, 1, 3, (), FrontEnd(), 5000, 3, 2),
}


def task(architecture: Kernels, n: int = 240, seed: int = 0) -> tuple[Float32, Int64]:
    """Windows whose class is how fast the first channel swings."""
    rng = np.random.default_rng(seed)
    X, y = noise(architecture, n, seed), rng.integers(0, architecture.classes, n)
    turns = np.arange(architecture.time) * (0.25 + y[:, None]) / 8
    X[:, :, 0] += 6 * np.sin(2 * np.pi * (turns + rng.random((n, 1))))
    return X, y


@pytest.mark.parametrize("architecture", DESIGNS.values(), ids=DESIGNS.keys())
def test_kernels_learn_what_new_windows_show(architecture: Kernels) -> None:
    trained = train(architecture, Lesson(*task(architecture)), seed=0, epochs=1)
    X, y = task(architecture, seed=1)
    probabilities = answers(trained, X)
    assert (probabilities.argmax(1) == y).mean() > 0.85
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_the_same_seed_gives_the_same_kernels() -> None:
    architecture, lesson = DESIGNS["everything derived"], Lesson(*task(DESIGNS["everything derived"]))
    first, again, other = (train(architecture, lesson, seed, 1).weights for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["kernels.masks"], other["kernels.masks"])


def test_a_kernel_is_what_a_convolution_with_gaps_gives() -> None:
    x = torch.randn(5, 4, 37, generator=torch.Generator().manual_seed(0))
    weights = taps(torch.tensor([0b000000111, 0b100010001, 0b111000000, 0b010101000]))
    assert weights[0].tolist() == [2, 2, 2, -1, -1, -1, -1, -1, -1]
    for step in (1, 3, 4):
        padding = step * (KERNEL // 2)
        expected = torch.conv1d(x, weights[:, None], padding=padding, dilation=step, groups=4)
        torch.testing.assert_close(convolved(x, weights, step), expected)


@pytest.mark.parametrize(("positions", "segments"), [(7, 1), (600, 1), (600, 2), (10, 3)])
def test_shares_are_those_of_each_segment(positions: int, segments: int) -> None:
    z = torch.randn(3, 2, positions, generator=torch.Generator().manual_seed(0))
    thresholds = torch.tensor([[-1.0, 0.0, 1.0], [-0.5, 0.1, 0.5]])
    each = positions // segments
    cut = z[:, :, : each * segments].reshape(3, 2, 1, segments, each)
    expected = (cut > thresholds[:, :, None, None]).float().mean(4).flatten(1)
    torch.testing.assert_close(shares(z, thresholds, segments), expected)


def test_thresholds_are_near_what_they_stand_for_however_weak_or_strong() -> None:
    values = torch.tensor([-2000.0, -3.0, -1e-4, 1e-4, 0.02, 1.0, 2000.0])
    scale = Scale.over(values)
    levels = scale.levels(values)
    assert ((levels >= -128) & (levels <= 127)).all()
    torch.testing.assert_close(scale.thresholds(levels), values, rtol=0.08, atol=0)


def test_thresholds_rise_with_their_level_and_are_never_zero() -> None:
    for values in (torch.tensor([0.5, -3.0]), torch.zeros(4)):
        thresholds = Scale.over(values).thresholds(torch.arange(-128, 128).float())
        assert (thresholds.diff() > 0).all()
        assert thresholds.abs().min() > 0


def test_levels_that_are_equal_move_apart_as_little_as_they_can() -> None:
    levels = torch.tensor([[-5.0, 0, 0, 0, 9], [126, 127, 127, 127, 127], [-128, -128, -128, 1, 2]])
    expected = [[-5, 0, 1, 2, 9], [123, 124, 125, 126, 127], [-128, -127, -126, 1, 2]]
    assert apart(levels).tolist() == expected


def test_weak_windows_among_strong_ones_keep_their_shape() -> None:
    """Loads of a mains socket draw from milliamperes to many amperes."""
    architecture = DESIGNS["one channel"]
    (X, y), (new, classes) = (task(architecture, seed=seed) for seed in (0, 1))
    X[::2] *= 1e-3
    new[::2] *= 1e-3
    assert (answers(train(architecture, Lesson(X, y), 0, 1), new).argmax(1) == classes).mean() > 0.9


def test_thresholds_of_a_kernel_differ_even_where_the_signal_does_not() -> None:
    architecture = DESIGNS["one channel"]
    X = np.zeros((20, 40, 1), np.float32)
    X[::2, 5] = 1
    levels = train(architecture, Lesson(X, np.arange(20) % 2), 0, 1).weights["kernels.levels"]
    assert (np.diff(levels, axis=2) > 0).all()


def test_two_windows_are_enough_even_of_one_class() -> None:
    architecture = DESIGNS["signals alone"]
    X = noise(architecture, 2)
    for y in ([0, 1], [1, 1]):
        assert np.isfinite(answers(train(architecture, Lesson(X, np.array(y)), 0, 1), X)).all()


def test_missing_samples_are_no_reason_to_fail() -> None:
    architecture = DESIGNS["everything derived"]
    X, y = task(architecture)
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    X[::5, 25:] = np.nan
    trained = train(architecture, Lesson(X, y), 0, 1)
    assert (answers(trained, X).argmax(1) == y).mean() > 0.85


def test_a_teacher_is_followed_where_no_class_is_known() -> None:
    architecture = DESIGNS["signals alone"]
    X, y = task(architecture)
    soft = np.full((len(y), 3), 0.1, np.float32)
    soft[np.arange(len(y)), (y + 1) % 3] = 0.8
    trained = train(architecture, Lesson(X, np.full(len(y), UNKNOWN), soft), 0, 1)
    assert (answers(trained, X).argmax(1) == (y + 1) % 3).mean() > 0.9


def test_a_class_that_never_occurs_is_hardly_likely() -> None:
    architecture = DESIGNS["signals alone"]
    X, y = task(architecture)
    trained = train(architecture, Lesson(X[y < 2], y[y < 2]), 0, 1)
    assert answers(trained, X)[:, 2].max() < 0.2


def test_a_long_lesson_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = DESIGNS["signals alone"]
    monkeypatch.setattr("factory.training.kernels.FIT_WORK", 60 * 3 * architecture.width * 40)
    X, y = task(architecture, seed=1)
    trained = train(architecture, Lesson(*task(architecture)), 0, 1)
    assert (answers(trained, X).argmax(1) == y).mean() > 0.8
