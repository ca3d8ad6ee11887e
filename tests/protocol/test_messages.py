"""What a message promises beyond the type of each field."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Label, Metrics, latency_bucket, latency_quantile

METRICS: dict[str, Any] = {
    "outbox": "o",
    "seq": 1,
    "slot": "active",
    "release": "ab" * 32,
    "t0": 1.0,
    "t1": 2.0,
    "n": 3,
    "n_labelled": 2,
    "predicted": [2, 1],
    "confusion": [[1, 1], [0, 0]],
    "latency_us": {"32": 3},
    "busy_s": 0.1,
    "wall_s": 1.0,
}
LABEL: dict[str, Any] = {"label_id": "l", "y": "squat", "source": "tablet", "t": 9.0, "t0": 1.0, "t1": 2.0}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"predicted": [2, 2]}, id="more windows predicted than there were"),
        pytest.param({"confusion": [[1, 1]]}, id="a confusion matrix that lacks a row"),
        pytest.param({"confusion": [[1], [1]]}, id="a confusion matrix that lacks a column"),
        pytest.param({"confusion": [[1, 1], [1, 0]]}, id="more labelled windows in the matrix than were labelled"),
        pytest.param({"predicted": [], "confusion": [[2]]}, id="a confusion matrix of classes nobody predicted"),
        pytest.param({"latency_us": {"a": 1}}, id="a latency bucket that is no number"),
        pytest.param({"latency_us": {"1000": 1}}, id="a latency bucket beyond the universe's age"),
        pytest.param({"latency_us": {"-1": 1}}, id="a negative latency bucket"),
        pytest.param({"latency_us": {"٣": 1}}, id="a latency bucket in digits of another script"),
    ],
)
def test_metrics_whose_counts_contradict_each_other_are_refused(change: dict[str, Any]) -> None:
    msgspec.convert(METRICS, Metrics)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**METRICS, **change}, Metrics)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"predicted": [], "confusion": []}, id="a task without classes"),
        pytest.param({"confusion": [], "n_labelled": 0}, id="nothing labelled, so no matrix"),
    ],
)
def test_metrics_may_leave_out_what_they_have_not_counted(change: dict[str, Any]) -> None:
    msgspec.convert({**METRICS, **change}, Metrics)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"t0": None, "t1": None}, id="neither an inference nor an interval"),
        pytest.param({"t1": None}, id="an interval without an end"),
        pytest.param({"t0": None}, id="an interval without a start"),
        pytest.param({"t1": 1.0}, id="an interval without a length"),
    ],
)
def test_a_label_of_nothing_is_refused(change: dict[str, Any]) -> None:
    msgspec.convert(LABEL, Label)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**LABEL, **change}, Label)


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=50), st.sampled_from((0.5, 0.95, 0.99)))
def test_a_quantile_of_buckets_is_within_12_percent_of_the_true_one(latencies: list[float], q: float) -> None:
    buckets: dict[str, int] = {}
    for latency in latencies:
        buckets[latency_bucket(latency)] = buckets.get(latency_bucket(latency), 0) + 1
    true = sorted(latencies)[math.ceil(q * len(latencies)) - 1]
    assert latency_quantile(buckets, q) == pytest.approx(true, rel=0.12)


def test_what_is_faster_than_a_microsecond_counts_as_one() -> None:
    assert latency_bucket(0.0) == latency_bucket(0.4) == latency_bucket(1.0) == "0"


def test_no_windows_have_no_latency() -> None:
    assert math.isnan(latency_quantile({}, 0.5))
    assert math.isnan(latency_quantile({"3": 0}, 0.5))
