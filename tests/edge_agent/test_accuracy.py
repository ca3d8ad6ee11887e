"""Every window is counted once, labelled at most once, and by the label that wins, in whatever order things come."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.accuracy import Checkpoint, Owner, Prediction, Scorer, merge
from edge_agent.labels import LabelBook
from protocol import codec
from protocol.messages import Label, Metrics, latency_bucket

CLASSES = ("a", "b", "c")
OWNER = Owner("active", "1" * 64, CLASSES)


def prediction(number: int, answer: int = 0) -> Prediction:
    return Prediction(f"r@{number}", float(number), number + 2.0, answer)


def by_id(number: int, y: str = "a", t: float = 1.0, name: str = "") -> Label:
    return Label(label_id=name or f"id{number}{y}{t}", y=y, source="s", t=t, inference_id=f"r@{number}")


def interval(first: int, end: int, y: str = "a", t: float = 1.0) -> Label:
    return Label(label_id=f"iv{first}-{end}{y}{t}", y=y, source="s", t=t, t0=float(first), t1=float(end))


Thing = Prediction | Label


def feed(scorer: Scorer, book: LabelBook, things: list[Thing]) -> None:
    for one in things:
        if isinstance(one, Prediction):
            scorer.predicted(one, 10.0, book)
        elif book.add(one) is not None:
            scorer.labelled(one)


def confusion(things: list[Thing]) -> tuple[int, dict[tuple[str, int], int]]:
    scorer = Scorer(OWNER, 100)
    feed(scorer, LabelBook(100), things)
    checkpoint = scorer.take(1.0)
    metrics = checkpoint.metrics if checkpoint else None
    if metrics is None:
        return 0, {}
    cells = {(CLASSES[i], j): n for i, row in enumerate(metrics.confusion) for j, n in enumerate(row) if n}
    assert sum(cells.values()) == metrics.n_labelled
    return metrics.n, cells


CASES: dict[str, tuple[list[Thing], dict[tuple[str, int], int]]] = {
    "a label by inference after the window": ([prediction(0, 1), by_id(0, "b")], {("b", 1): 1}),
    "a label before its window": ([by_id(0, "b"), prediction(0, 1)], {("b", 1): 1}),
    "a label twice": ([prediction(0), by_id(0), by_id(0)], {("a", 0): 1}),
    "an interval over three windows": ([*map(prediction, range(3)), interval(0, 4)], {("a", 0): 3}),
    "an interval before its windows": ([interval(0, 4), *map(prediction, range(3))], {("a", 0): 3}),
    "an interval that ends inside a window": ([prediction(0), interval(0, 1)], {}),
    "an interval that begins inside a window": ([prediction(0), interval(1, 4)], {}),
    "a rounding error at the edge": (
        [Prediction("r@0", 0.3 - 1e-9, 2.3 + 1e-9, 0), Label(label_id="l", y="a", source="s", t=1, t0=0.3, t1=2.3)],
        {("a", 0): 1},
    ),
    "two labels, the later first": ([prediction(0), by_id(0, "b", t=2), by_id(0, "a", t=1)], {("b", 0): 1}),
    "two labels, the later last": ([prediction(0), by_id(0, "a", t=1), by_id(0, "b", t=2)], {("b", 0): 1}),
    "two labels before the window": ([by_id(0, "b", t=2), by_id(0, "a", t=1), prediction(0)], {("b", 0): 1}),
    "an interval corrected by a later inference": (
        [interval(0, 4), prediction(0), prediction(1), by_id(1, "c", t=5)],
        {("a", 0): 1, ("c", 0): 1},
    ),
    "a class that the release does not know": ([prediction(0), by_id(0, "zebra")], {}),
    "an unknown class, then a known one": ([prediction(0), by_id(0, "zebra"), by_id(0, "a")], {("a", 0): 1}),
    "no label": ([prediction(0)], {}),
    "a label for another window": ([prediction(0), by_id(7)], {}),
}


@pytest.mark.parametrize(("things", "expected"), CASES.values(), ids=CASES)
def test_joins(things: list[Thing], expected: dict[tuple[str, int], int]) -> None:
    n, cells = confusion(things)
    assert n == sum(isinstance(one, Prediction) for one in things)
    assert cells == expected


some_labels = st.lists(
    st.builds(by_id, st.integers(0, 5), st.sampled_from(CLASSES), st.integers(1, 4).map(float))
    | st.builds(
        lambda first, length, y, t: interval(first, first + length, y, t),
        st.integers(0, 5),
        st.integers(1, 6),
        st.sampled_from(CLASSES),
        st.integers(1, 4).map(float),
    ),
    max_size=6,
    unique_by=lambda label: label.label_id,
)


@given(some_labels, st.randoms())
def test_the_order_never_matters(labels: list[Label], random: object) -> None:
    things: list[Thing] = [*(prediction(i, i % 3) for i in range(6)), *labels]
    shuffled = list(things)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert confusion(things) == confusion(shuffled)


def replay(checkpoints: list[Checkpoint | None]) -> tuple[dict[str, Prediction], Metrics | None]:
    """What a store holds after these checkpoints."""
    waiting: dict[str, Prediction] = {}
    total: Metrics | None = None
    for one in checkpoints:
        if one is None:
            continue
        waiting |= {row.inference_id: row for row in one.waiting}
        for inference_id in one.settled:
            del waiting[inference_id]
        if one.metrics is not None:
            total = one.metrics if total is None else merge(total, one.metrics)
    return waiting, total


@given(some_labels, st.randoms(), st.lists(st.integers(0, 12), max_size=4))
def test_a_scorer_made_again_from_its_checkpoints_goes_on_as_if_nothing_had_been(
    labels: list[Label], random: object, kills: list[int]
) -> None:
    things: list[Thing] = [*(prediction(i, i % 3) for i in range(6)), *labels]
    random.shuffle(things)  # type: ignore[attr-defined]  # hypothesis gives a Random
    edges = sorted({0, len(things), *(min(kill, len(things)) for kill in kills)})
    told: list[Checkpoint | None] = []
    book = LabelBook(100)
    for first, end in pairwise(edges):
        scorer = Scorer(OWNER, 100, replay(told)[0].values())
        feed(scorer, book, things[first:end])
        told.append(scorer.take(1.0))
    waiting, total = replay(told)
    known = [one for one in (prediction(i) for i in range(6)) if book.find(*one[:3]) is not None]
    assert total is not None
    assert total.n == 6
    assert total.n_labelled == len(known) == 6 - len(waiting)


def test_a_contradiction_after_the_telling_is_ignored_and_counted() -> None:
    scorer, book = Scorer(OWNER, 100), LabelBook(100)
    feed(scorer, book, [prediction(0), by_id(0, "a", t=1)])
    assert scorer.take(1.0) is not None
    feed(scorer, book, [by_id(0, "b", t=9), by_id(0, "a", t=10)])
    checkpoint = scorer.take(1.0)
    assert checkpoint is not None
    assert checkpoint.metrics is None
    assert checkpoint.ignored == {"contradicts what has been told": 1}


def test_an_unknown_class_is_counted_as_ignored() -> None:
    scorer = Scorer(OWNER, 100)
    feed(scorer, LabelBook(100), [prediction(0), by_id(0, "zebra")])
    checkpoint = scorer.take(1.0)
    assert checkpoint is not None
    assert checkpoint.ignored == {"unknown class zebra": 1}


def test_the_oldest_predictions_are_given_up() -> None:
    scorer, book = Scorer(OWNER, max_predictions=2), LabelBook(100)
    feed(scorer, book, [*map(prediction, range(5)), interval(0, 9)])
    checkpoint = scorer.take(1.0)
    assert checkpoint is not None
    assert checkpoint.metrics is not None
    assert (checkpoint.metrics.n, checkpoint.metrics.n_labelled) == (5, 2)


def test_nothing_new_is_nothing_to_tell() -> None:
    scorer = Scorer(OWNER, 100)
    feed(scorer, LabelBook(100), [prediction(0)])
    assert scorer.take(1.0) is not None
    assert scorer.take(1.0) is None


def test_time_and_latency_are_counted() -> None:
    scorer, book = Scorer(OWNER, 100), LabelBook(100)
    scorer.predicted(prediction(3), 30.0, book)
    scorer.predicted(prediction(1), 50_000.0, book)
    checkpoint = scorer.take(2.5)
    assert checkpoint is not None
    metrics = checkpoint.metrics
    assert metrics is not None
    assert (metrics.t0, metrics.t1, metrics.wall_s) == (1.0, 5.0, 2.5)
    assert metrics.busy_s == pytest.approx(0.05003)
    assert metrics.latency_us == {latency_bucket(30.0): 1, latency_bucket(50_000.0): 1}


def test_a_release_that_does_not_classify_only_counts() -> None:
    scorer = Scorer(Owner("active", "1" * 64, ()), 100)
    feed(scorer, LabelBook(100), [prediction(0), by_id(0)])
    checkpoint = scorer.take(1.0)
    assert checkpoint is not None
    assert checkpoint.metrics is not None
    assert (checkpoint.metrics.n, checkpoint.metrics.predicted, checkpoint.waiting) == (1, (), ())


def test_merging_adds_up() -> None:
    made = []
    for numbers in (range(3), range(3, 7)):
        scorer = Scorer(OWNER, 100)
        feed(scorer, LabelBook(100), [interval(0, 100, "b"), *(prediction(i, i % 3) for i in numbers)])
        checkpoint = scorer.take(1.0)
        assert checkpoint is not None
        assert checkpoint.metrics is not None
        made.append(checkpoint.metrics)
    both = merge(*made)
    assert both.n == both.n_labelled == 7
    assert both.predicted == (3, 2, 2)
    assert both.confusion[1] == (3, 2, 2)
    assert Counter(both.latency_us).total() == 7
    assert (both.t0, both.t1, both.wall_s) == (0.0, 8.0, 2.0)
    assert codec.decode(codec.encode(both), Metrics) == both


def test_labels_are_forgotten_oldest_first() -> None:
    book = LabelBook(max_labels=2)
    assert book.add(by_id(0)) == []
    assert book.add(interval(5, 9)) == []
    assert book.add(interval(0, 4)) == [by_id(0).label_id]
    assert book.add(by_id(2)) == [interval(5, 9).label_id]
    assert len(book) == 2
    assert book.find("r@0", 6.0, 8.0) is None
    assert book.find("r@9", 1.0, 3.0) == interval(0, 4)
