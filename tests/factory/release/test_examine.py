"""Examination: accuracy, its interval, macro-F1, confusion, groups, against numbers worked out elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.artifacts import TEST, TRAIN, Bin, Dataset, Float32, Latency, Task
from factory.release.examine import calibration_error, confusion, examine, macro_f1, reliability, wilson

LATENCY = Latency(40.0, 50.0, 60.0)
TASK = Task("t", "classification", ("a", "b", "c"), ("x",), ("g",), 50.0, 2, 1)


def held_out(y: list[int], groups: list[str], part: int = TEST) -> Dataset:
    n = len(y)
    names = np.array(groups, dtype=np.str_)
    X = np.zeros((n, 2, 1), dtype=np.float32)
    parts = np.full(n, part, dtype=np.int8)
    return Dataset(TASK, X, np.array(y, dtype=np.int64), parts, names, names, np.arange(n, dtype=np.int64), "0" * 64)


def sure_of(answers: list[int]) -> Float32:
    return np.eye(3, dtype=np.float32)[answers]


def test_evidence_of_answers_worked_out_by_hand() -> None:
    dataset = held_out([0, 0, 1, 1, 2], ["p", "p", "p", "q", "q"])
    evidence = examine("test", dataset, sure_of([0, 1, 1, 1, 0]), LATENCY)
    assert (evidence.part, evidence.windows, evidence.accuracy) == ("test", 5, 0.6)
    assert evidence.confusion == ((1, 1, 0), (0, 2, 0), (1, 0, 0))
    assert evidence.accuracy_by_group == {"p": pytest.approx(2 / 3), "q": 0.5}
    assert evidence.macro_f1 == pytest.approx((0.5 + 0.8 + 0.0) / 3)
    assert evidence.latency is LATENCY


def test_the_first_of_two_equally_probable_classes_is_the_answer() -> None:
    even = np.full((1, 3), 1 / 3, dtype=np.float32)
    assert examine("test", held_out([0], ["p"]), even, LATENCY).accuracy == 1.0


@pytest.mark.parametrize(
    ("dataset", "answers"),
    [
        pytest.param(held_out([], []), sure_of([]), id="no window"),
        pytest.param(held_out([0], ["p"], TRAIN), sure_of([0]), id="a window that was trained on"),
        pytest.param(held_out([0, 1], ["p", "p"]), sure_of([0]), id="an answer too few"),
        pytest.param(held_out([0], ["p"]), np.zeros((1, 2), dtype=np.float32), id="a class too few"),
        pytest.param(held_out([0], ["p"]), np.full((1, 3), np.nan, dtype=np.float32), id="answers that are no numbers"),
    ],
)
def test_an_examination_refuses(dataset: Dataset, answers: Float32) -> None:
    with pytest.raises(ValueError, match=r"part|answers"):
        examine("test", dataset, answers, LATENCY)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        # Newcombe 1998, table I, method 3.
        pytest.param(81, 263, 0.2553, 0.3662, id="81 of 263"),
        pytest.param(15, 148, 0.0624, 0.1605, id="15 of 148"),
        pytest.param(0, 20, 0.0, 0.1611, id="none of 20"),
        pytest.param(1, 29, 0.0061, 0.1718, id="1 of 29"),
        pytest.param(20, 20, 0.8389, 1.0, id="all of 20"),
        pytest.param(0, 0, 0.0, 1.0, id="nothing at all"),
    ],
)
def test_wilson_intervals_are_those_of_the_literature(correct: int, n: int, low: float, high: float) -> None:
    assert wilson(correct, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_wilson_interval_holds_its_share_and_stays_within_0_and_1(case: tuple[int, int]) -> None:
    correct, n = case
    low, high = wilson(correct, n)
    assert 0 <= low <= correct / n <= high <= 1


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param([[3, 0], [0, 2]], 1.0, id="all right"),
        pytest.param([[0, 3], [2, 0]], 0.0, id="all wrong"),
        pytest.param([[4, 1, 0], [1, 4, 0], [0, 0, 0]], 0.8, id="a class that never occurs does not count"),
        pytest.param([[4, 0, 1], [0, 5, 0], [0, 0, 0]], (8 / 9 + 1 + 0) / 3, id="a class that is only answered counts"),
        pytest.param([[0, 0], [0, 0]], 0.0, id="nothing"),
    ],
)
def test_macro_f1(counts: list[list[int]], expected: float) -> None:
    assert macro_f1(counts) == pytest.approx(expected)


def test_confusion_counts_label_by_answer() -> None:
    assert confusion(np.array([0, 0, 2]), np.array([1, 1, 2]), 3) == ((0, 2, 0), (0, 0, 0), (0, 0, 1))


def test_reliability_worked_out_by_hand() -> None:
    confidence = np.array([0.05, 0.95, 1.0, 0.91, 0.9], dtype=np.float32)
    bins = reliability(confidence, np.array([False, True, True, False, True]))
    assert [one.windows for one in bins] == [1, 4]
    assert [one.confidence for one in bins] == [pytest.approx(0.05), pytest.approx(0.94)]
    assert [one.accuracy for one in bins] == [0.0, 0.75]
    assert calibration_error(bins) == pytest.approx((0.05 + 4 * 0.19) / 5)


def test_a_model_that_is_right_as_often_as_it_says_has_no_calibration_error() -> None:
    probabilities = np.tile(np.array([[0.75, 0.25, 0.0]], dtype=np.float32), (4, 1))
    evidence = examine("test", held_out([0, 0, 0, 1], ["p"] * 4), probabilities, LATENCY)
    assert evidence.calibration_error == pytest.approx(0.0)
    assert evidence.reliability == (Bin(4, 0.75, 0.75),)


def test_a_model_that_is_always_sure_is_off_by_the_share_of_its_mistakes() -> None:
    evidence = examine("test", held_out([0, 1, 1, 1], ["p"] * 4), sure_of([0, 1, 1, 2]), LATENCY)
    assert evidence.calibration_error == pytest.approx(0.25)
