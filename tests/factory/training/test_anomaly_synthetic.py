"""Anomalies made of normal windows."""

import numpy as np

from factory import training
from factory.training.anomaly_synthetic import KINDS
from tests.support.machines import some_missing, windows

NORMAL = windows(50)


def test_made_anomalies_are_as_many_as_wanted_and_differ_from_every_window() -> None:
    made = training.synthetic(NORMAL, 200, seed=0)
    assert made.shape == (200, *NORMAL.shape[1:])
    assert made.dtype == np.float32
    same = (made[:, None] == NORMAL[None]).all((2, 3)).any(1)
    assert same.mean() < 0.05  # channels may be exchanged with those of the same window


def test_the_same_seed_makes_the_same_ones() -> None:
    one, other, third = (training.synthetic(NORMAL, 20, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()


def test_what_is_missing_stays_missing_and_the_rest_is_finite() -> None:
    made = training.synthetic(some_missing(NORMAL), 200, seed=0)
    assert np.isnan(made).any()
    assert not np.isinf(made).any()
    assert np.isnan(made).mean() < 0.1


def test_a_window_of_one_sample_and_a_channel_that_never_moves_can_be_changed() -> None:
    assert np.isfinite(training.synthetic(np.ones((3, 1, 1), np.float32), 30, seed=0)).all()


def test_every_kind_changes_a_signal() -> None:
    signals = np.random.default_rng(0).normal(size=(30, 2))
    for kind in KINDS:
        assert (kind(signals, 3.0, np.random.default_rng(1)) != signals).any(), kind.__name__
