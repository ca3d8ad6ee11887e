import math

import pytest

from factory.registry.rows import PointRow
from factory.web import measure


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        pytest.param(81, 263, 0.2553, 0.3662, id="the example of Newcombe (1998), table I"),
        pytest.param(0, 20, 0.0, 0.1611, id="none right still leaves doubt"),
        pytest.param(1, 1, 0.2065, 1.0, id="one window says next to nothing"),
    ],
)
def test_wilson(correct: int, n: int, low: float, high: float) -> None:
    assert measure.wilson(correct, n) == pytest.approx((low, high), abs=2e-4)


def test_an_interval_shrinks_as_labels_come() -> None:
    widths = [high - low for low, high in (measure.wilson(9 * n, 10 * n) for n in (1, 10, 100))]
    assert widths == sorted(widths, reverse=True)


def test_no_accuracy_is_claimed_without_labels() -> None:
    assert measure.measured(500, 0, 0) == measure.Measured(500, 0, None, None, None)


def test_accuracy_lies_within_its_interval() -> None:
    shown = measure.measured(1000, 400, 372)
    assert shown.accuracy == 0.93
    assert shown.low is not None
    assert shown.high is not None
    assert shown.low < 0.93 < shown.high


def points(*counts: tuple[int, int]) -> list[PointRow]:
    return [PointRow(float(t), n + 1, n, right) for t, (n, right) in enumerate(counts)]


def test_pooling_keeps_every_label_and_the_order() -> None:
    many = points(*((7, 5 + t % 3) for t in range(101)))
    bins = measure.pooled(many, 12)
    assert len(bins) <= 12
    assert sum(each.n_labelled for each in bins) == 707
    assert sum(each.accuracy * each.n_labelled for each in bins) == pytest.approx(sum(5 + t % 3 for t in range(101)))
    assert [each.t0 for each in bins] == sorted(each.t0 for each in bins)


def test_reports_without_labels_make_no_bin() -> None:
    assert measure.pooled(points((0, 0), (0, 0)), 5) == []
    assert [each.t0 for each in measure.pooled(points((0, 0), (4, 4)), 5)] == [1.0]


def test_latency_of_nothing_is_nothing_and_not_nan() -> None:
    assert measure.latency({}) is None
    assert measure.latency({"46": 0}) is None


def test_latency_quantiles_are_ordered() -> None:
    found = measure.latency({"40": 90, "46": 9, "60": 1})
    assert found is not None
    assert 95 < found.p50_us < 112
    assert found.p50_us < found.p95_us <= found.p99_us
    assert math.isfinite(found.p99_us)


def test_throughput_needs_time() -> None:
    assert measure.per_second(10, 0.0) is None
    assert measure.per_second(10, 4.0) == 2.5


def test_recall_leaves_out_classes_that_never_came() -> None:
    assert measure.recall([[3, 1], [0, 0]], ["sit", "run"]) == {"sit": 0.75}
