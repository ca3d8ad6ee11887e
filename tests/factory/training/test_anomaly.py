"""Detectors: they learn from normal windows alone, and so do their thresholds."""

import numpy as np
import pytest

from factory import training
from factory.architectures import Density
from factory.training import anomaly
from tests.support.detectors import RAW, detectors, taught
from tests.support.machines import WINDOW, some_missing, windows

KINDS = detectors(WINDOW, 2)
NORMAL, STRANGE = windows(300, 0), windows(100, 1, limping=True)
FRESH = windows(300, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_strange_windows_score_higher_than_normal_ones(kind: str) -> None:
    trained = taught(KINDS[kind], NORMAL)
    normal, strange = anomaly.scores(trained, FRESH), anomaly.scores(trained, STRANGE)
    assert normal.shape == (300,)
    assert (normal >= 0).all()
    assert (strange[:, None] > normal).mean() > 0.85


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_value_is_nothing_strange(kind: str) -> None:
    answers = training.answers(taught(KINDS[kind], NORMAL), some_missing(FRESH))
    assert np.isfinite(answers).all()
    assert (answers.argmax(1) == 1).mean() < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_anomalies_in_a_lesson_teach_nothing(kind: str) -> None:
    mixed = training.Lesson(np.concatenate([NORMAL, STRANGE]), np.repeat([0, 1], [300, 100]))
    alone = training.Lesson(NORMAL, np.zeros(300, np.int64))
    one, other = (training.train(KINDS[kind], lesson, 3, 4) for lesson in (mixed, alone))
    assert one.weights.keys() == other.weights.keys()
    assert all((one.weights[name] == other.weights[name]).all() for name in one.weights)


def test_what_is_normal_cannot_be_learned_from_one_window() -> None:
    with pytest.raises(ValueError, match="two windows"):
        training.train(KINDS["density of level"], training.Lesson(NORMAL[:2], np.array([0, 1])), 0, 1)


def test_few_of_the_normal_windows_that_come_later_are_false_alarms() -> None:
    trained = taught(KINDS["density of level and spread"], windows(2_000, 5))
    assert (training.answers(trained, windows(4_000, 6)).argmax(1) == 1).mean() == pytest.approx(0.01, abs=0.006)


def test_features_that_go_together_count_once() -> None:
    """A channel that repeats another adds nothing, unless it does not repeat it."""
    X = (
        np.random.default_rng(0).normal(size=(400, 8, 1)).astype(np.float32)
        + np.linspace(0, 3, 400, dtype=np.float32)[:, None, None]
    )
    twice = np.concatenate([X, X + 0.01], 2)
    trained = taught(Density(8, 2, 2, (), RAW, spread=False), twice[::2])
    together, apart = twice[1::2], twice[1::2] + np.array([0.5, -0.5], np.float32)
    assert np.median(anomaly.scores(trained, apart)) > 5 * np.median(anomaly.scores(trained, together))


def test_what_lies_between_two_normal_states_is_strange_to_a_density_with_two_middles() -> None:
    rng = np.random.default_rng(0)
    states = np.repeat([0.0, 10.0], 200)[:, None, None]
    X = (rng.permutation(states) + rng.normal(0, 1, (400, 8, 1))).astype(np.float32)
    between = (5 + rng.normal(0, 1, (50, 8, 1))).astype(np.float32)
    one, two = (taught(Density(8, 1, 2, (), RAW, spread=False, middles=count), X) for count in (1, 2))
    assert (training.answers(one, between)[:, 1] < 0.5).all()
    assert (training.answers(two, between)[:, 1] > 0.5).all()


THRESHOLDS = {
    "the second largest of two hundred": (np.arange(1, 201), 199),
    "the largest of few": (np.arange(1, 20), 19),
    "one window": ([3.0], 3),
    "whatever their order": (np.arange(199, 0, -1), 198),
}


@pytest.mark.parametrize("case", THRESHOLDS)
def test_the_threshold_is_exceeded_by_one_in_a_hundred(case: str) -> None:
    held, expected = THRESHOLDS[case]
    assert anomaly.threshold_of(np.array(held, np.float32)) == pytest.approx(expected)


def test_the_probability_is_one_half_at_the_threshold_and_small_for_a_usual_window() -> None:
    trained = taught(KINDS["density of level and spread"], NORMAL)
    scores, answers = anomaly.scores(trained, FRESH), training.answers(trained, FRESH)
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(answers[:, 1] > 0.5, scores > trained.weights["anomaly.threshold"])
    assert answers[np.argsort(scores)[150], 1] == pytest.approx(0.05, abs=0.03)


def test_scores_without_any_spread_still_give_limits() -> None:
    limits = anomaly.limits(np.zeros(50, np.float32))
    assert all(np.isfinite(limit) and limit > 0 for limit in limits.values())
