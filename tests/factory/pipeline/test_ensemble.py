import numpy as np
import pytest

from factory.artifacts import Float32, Int64
from factory.pipeline import ensemble


def noisy(y: Int64, classes: int, right: float, seed: int) -> Float32:
    """Answers of a model that gives the right class about that much probability."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(y), classes)) + 4 * right * np.eye(classes)[y]
    exp = np.exp(logits)
    answers: Float32 = (exp / exp.sum(1, keepdims=True)).astype(np.float32)
    return answers


Y: Int64 = np.arange(600) % 3


def test_weights_are_shares_and_the_useless_get_none() -> None:
    guess = np.full((len(Y), 3), 1 / 3, np.float32)
    weights = ensemble.weigh([noisy(Y, 3, 0.7, 0), guess, noisy(Y, 3, 0.7, 1)], Y)
    assert weights.sum() == pytest.approx(1)
    assert weights[1] == 0
    assert min(weights[0], weights[2]) > 0.2


def test_the_ensemble_is_better_than_each_of_its_members() -> None:
    members = [noisy(Y, 3, 0.5, seed) for seed in range(5)]
    blended = ensemble.blend(members, ensemble.weigh(members, Y))
    assert blended.shape == (600, 3)
    assert np.allclose(blended.sum(1), 1, atol=1e-5)
    assert ensemble.log_loss(blended, Y) < min(ensemble.log_loss(member, Y) for member in members)
    assert (blended.argmax(1) == Y).mean() > max((member.argmax(1) == Y).mean() for member in members)


def test_a_rare_class_weighs_as_much_as_a_frequent_one() -> None:
    y: Int64 = np.array([0] * 98 + [1] * 2)
    blind = np.tile(np.array([[0.99, 0.01]], np.float32), (100, 1))
    fair = np.where(y[:, None] == np.arange(2), 0.6, 0.4).astype(np.float32)
    assert ensemble.log_loss(fair, y) < ensemble.log_loss(blind, y)
    assert ensemble.weigh([blind, fair], y)[1] > 0.9


def test_one_answer_that_is_wrong_and_sure_does_not_cost_without_bound() -> None:
    answers = np.array([[1.0, 0.0]], np.float32)
    assert np.isfinite(ensemble.log_loss(answers, np.array([1])))


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.0])
def test_the_temperature_that_answers_were_spoiled_by_is_found(truth: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(20_000, 4))
    exp = np.exp(logits)
    calibrated = exp / exp.sum(1, keepdims=True)
    y = (calibrated.cumsum(1) < rng.random((20_000, 1))).sum(1)
    spoiled = calibrated**truth / (calibrated**truth).sum(1, keepdims=True)
    assert ensemble.temperature(spoiled.astype(np.float32), y) == pytest.approx(truth, rel=0.1)
