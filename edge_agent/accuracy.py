"""What one release has predicted, joined with the ground truth, as counts that can be added up. Pure.

Rules
1. Every window is counted once as predicted, and once as labelled when it has been joined with its label.
2. Predictions and labels may come in any order, late, early and repeated. A prediction waits for its label; beyond
   `max_predictions` the oldest are given up: they stay counted as predicted and are never counted as labelled.
3. Until a joined window has been told, a label with a later `t` corrects it. After that, one that contradicts it is
   ignored and counted in `ignored`.
4. A label whose class the release does not know is ignored and counted in `ignored`; its window goes on waiting.
5. `take` gives everything since the last `take`, and the change in what waits: together they are one checkpoint.
"""

import bisect
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import add
from typing import NamedTuple

from msgspec.structs import replace

from edge_agent.labels import CLOCK_SLACK_S, LabelBook, covers, later
from protocol.messages import Label, Metrics, Slot, latency_bucket

TOLD_KEPT = 1_000  # windows already told that are remembered, so that a contradiction can be noticed


class Prediction(NamedTuple):
    """An answer to a window that covers the time from `t0` to `t1`: the number of a class."""

    inference_id: str
    t0: float
    t1: float
    answer: int


@dataclass(frozen=True)
class Owner:
    """Whose predictions: a release in a slot, and the classes it knows (none where it does not classify)."""

    slot: Slot
    release: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Checkpoint:
    """What has changed since the last one (rule 5). `metrics` carries no outbox and sequence number yet."""

    owner: Owner
    metrics: Metrics | None
    waiting: tuple[Prediction, ...]
    settled: tuple[str, ...]
    ignored: Mapping[str, int]


@dataclass
class _Counts:
    t0: float = float("inf")
    t1: float = float("-inf")
    n: int = 0
    predicted: Counter[int] = field(default_factory=Counter)
    latency: Counter[str] = field(default_factory=Counter)
    busy_us: float = 0.0
    ignored: Counter[str] = field(default_factory=Counter)


class Scorer:
    """Joins the predictions of one release in one slot with labels."""

    def __init__(self, owner: Owner, max_predictions: int, waiting: Iterable[Prediction] = ()) -> None:
        self.owner = owner
        self._max_predictions = max_predictions
        self._class = {name: number for number, name in enumerate(owner.classes)}
        self._waiting: dict[str, Prediction] = {}
        self._by_start: list[tuple[float, str]] = []  # (t0, inference id), sorted; may name some that no longer wait
        self._joined: dict[str, tuple[Prediction, Label]] = {}
        self._told: OrderedDict[str, tuple[Prediction, Label]] = OrderedDict()
        self._new: dict[str, Prediction] = {}  # wait since the last checkpoint
        self._gone: set[str] = set()  # waited at the last checkpoint and do no longer
        self._counts = _Counts()
        for prediction in waiting:
            self._wait(prediction)
        self._new.clear()

    @property
    def idle(self) -> bool:
        """Whether no prediction waits and nothing is to be told."""
        return not (self._waiting or self._joined or self._counts.n)

    def predicted(self, prediction: Prediction, latency_us: float, book: LabelBook) -> None:
        """Count a window (rule 1) and join it where its label is known already."""
        counts = self._counts
        counts.n += 1
        counts.t0, counts.t1 = min(counts.t0, prediction.t0), max(counts.t1, prediction.t1)
        counts.predicted[prediction.answer] += 1
        counts.latency[latency_bucket(latency_us)] += 1
        counts.busy_us += latency_us
        if not self._class:
            return
        self._wait(prediction)
        label = book.find(*prediction[:3])
        if label is not None and self._is_known(label):
            self._join(prediction, label)

    def labelled(self, label: Label) -> None:
        """Join a label with every window it is for (rules 2, 3 and 4)."""
        for _, told in _matches(label, self._told):
            self._counts.ignored["contradicts what has been told"] += told.y != label.y
        waiting, joined = self._waiting_for(label), _matches(label, self._joined)
        if not (waiting or joined) or not self._is_known(label):
            return
        for prediction, known in joined:
            self._joined[prediction.inference_id] = (prediction, later(known, label))
        for prediction in waiting:
            self._join(prediction, label)

    def take(self, wall_s: float) -> Checkpoint | None:
        """Everything since the last call (rule 5), or None where nothing happened. `wall_s` is the time that has
        passed.
        """
        counts, joined = self._counts, self._joined
        if not (counts.n or joined or self._new or self._gone or counts.ignored):
            return None
        metrics = self._metrics(wall_s) if counts.n or joined else None
        ignored = {text: times for text, times in counts.ignored.items() if times}
        checkpoint = Checkpoint(self.owner, metrics, tuple(self._new.values()), tuple(self._gone), ignored)
        self._told.update(joined)
        while len(self._told) > TOLD_KEPT:
            self._told.popitem(last=False)
        self._counts, self._joined, self._new, self._gone = _Counts(), {}, {}, set()
        return checkpoint

    def _metrics(self, wall_s: float) -> Metrics:
        counts, size = self._counts, len(self.owner.classes)
        confusion = [[0] * size for _ in range(size)]
        for prediction, label in self._joined.values():
            confusion[self._class[label.y]][prediction.answer] += 1
        covered = [prediction for prediction, _ in self._joined.values()]
        return Metrics(
            outbox="-",
            seq=0,
            slot=self.owner.slot,
            release=self.owner.release,
            t0=min([counts.t0, *(one.t0 for one in covered)]),
            t1=max([counts.t1, *(one.t1 for one in covered)]),
            n=counts.n,
            n_labelled=len(covered),
            predicted=tuple(counts.predicted[number] for number in range(size)),
            confusion=tuple(map(tuple, confusion)),
            latency_us=dict(counts.latency),
            busy_s=counts.busy_us / 1e6,
            wall_s=wall_s if counts.n else 0.0,
        )

    def _wait(self, prediction: Prediction) -> None:
        self._waiting[prediction.inference_id] = prediction
        self._new[prediction.inference_id] = prediction
        bisect.insort(self._by_start, (prediction.t0, prediction.inference_id))
        while len(self._waiting) > self._max_predictions:
            self._settle(next(iter(self._waiting)))
        if len(self._by_start) > 2 * len(self._waiting) + 100:
            self._by_start = [entry for entry in self._by_start if entry[1] in self._waiting]

    def _join(self, prediction: Prediction, label: Label) -> None:
        self._joined[prediction.inference_id] = (prediction, label)
        self._settle(prediction.inference_id)

    def _settle(self, inference_id: str) -> None:
        del self._waiting[inference_id]
        if self._new.pop(inference_id, None) is None:
            self._gone.add(inference_id)

    def _waiting_for(self, label: Label) -> list[Prediction]:
        if label.inference_id is not None:
            one = self._waiting.get(label.inference_id)
            return [] if one is None else [one]
        if label.t0 is None or label.t1 is None:
            return []
        first = bisect.bisect_left(self._by_start, (label.t0 - CLOCK_SLACK_S, ""))
        last = bisect.bisect_right(self._by_start, (label.t1, "\U0010ffff"))
        found = (self._waiting.get(inference_id) for _, inference_id in self._by_start[first:last])
        return [one for one in found if one is not None and covers(label, one.t0, one.t1)]

    def _is_known(self, label: Label) -> bool:
        """Rule 4."""
        if label.y in self._class:
            return True
        self._counts.ignored[f"unknown class {label.y}"] += 1
        return False


def _matches(label: Label, joined: Mapping[str, tuple[Prediction, Label]]) -> list[tuple[Prediction, Label]]:
    """The windows among these that the label is for."""
    if label.inference_id is not None:
        return [joined[label.inference_id]] if label.inference_id in joined else []
    return [pair for pair in joined.values() if covers(label, pair[0].t0, pair[0].t1)]


def merge(one: Metrics, other: Metrics) -> Metrics:
    """Two messages about the same release and slot as a single one, under the first one's number: counts add up."""
    return replace(
        one,
        t0=min(one.t0, other.t0),
        t1=max(one.t1, other.t1),
        n=one.n + other.n,
        n_labelled=one.n_labelled + other.n_labelled,
        predicted=tuple(map(add, one.predicted, other.predicted)),
        confusion=tuple(tuple(map(add, a, b)) for a, b in zip(one.confusion, other.confusion, strict=True)),
        latency_us=dict(Counter(one.latency_us) + Counter(other.latency_us)),
        busy_s=one.busy_s + other.busy_s,
        wall_s=one.wall_s + other.wall_s,
    )
