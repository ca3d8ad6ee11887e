"""The ground truth a device has been told, kept for windows that are still to be predicted. Pure.

Rules
1. A label names one inference, or an interval of the sensor's clock: it then holds for every window the interval
   covers wholly.
2. Of several labels for one window the one with the latest `t` wins, in whatever order they came.
3. A label that comes twice changes nothing. Beyond `max_labels` the ones that came first are forgotten.
"""

import bisect
from collections.abc import Iterable

from protocol.messages import Label

# Two computations of one instant may differ in the last bit of a float64, which at today's Unix time is 0.24
# microseconds.
CLOCK_SLACK_S = 1e-4


class LabelBook:
    """Every label that may still be needed."""

    def __init__(self, max_labels: int, known: Iterable[Label] = ()) -> None:
        self._max_labels = max_labels
        self._labels: dict[str, Label] = {}  # by label id, in the order they came
        self._by_inference: dict[str, Label] = {}
        self._by_start: list[tuple[float, str]] = []  # (t0, label id) of intervals, sorted
        self._longest_s = 0.0
        for label in known:
            self.add(label)

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, label: Label) -> list[str] | None:
        """Keep a label; the ids of those that are forgotten for it, or None where it was known (rule 3)."""
        if label.label_id in self._labels:
            return None
        self._labels[label.label_id] = label
        if label.inference_id is not None:
            known = self._by_inference.get(label.inference_id)
            self._by_inference[label.inference_id] = label if known is None else later(known, label)
        elif label.t0 is not None and label.t1 is not None:
            bisect.insort(self._by_start, (label.t0, label.label_id))
            self._longest_s = max(self._longest_s, label.t1 - label.t0)
        return [self._forget_first() for _ in range(len(self._labels) - self._max_labels)]

    def find(self, inference_id: str, t0: float, t1: float) -> Label | None:
        """The label of a window, where there is one (rules 1 and 2)."""
        winner = self._by_inference.get(inference_id)
        at = bisect.bisect_left(self._by_start, (t1 - self._longest_s - CLOCK_SLACK_S, ""))
        for start, label_id in self._by_start[at:]:
            if start > t0 + CLOCK_SLACK_S:
                break
            label = self._labels[label_id]
            if covers(label, t0, t1):
                winner = label if winner is None else later(winner, label)
        return winner

    def _forget_first(self) -> str:
        label_id, label = next(iter(self._labels.items()))
        del self._labels[label_id]
        if label.inference_id is not None:
            if self._by_inference.get(label.inference_id) is label:
                del self._by_inference[label.inference_id]
        elif label.t0 is not None:
            del self._by_start[bisect.bisect_left(self._by_start, (label.t0, label_id))]
        return label_id


def covers(label: Label, t0: float, t1: float) -> bool:
    """Whether the label's interval covers the time from `t0` to `t1` wholly (rule 1)."""
    if label.t0 is None or label.t1 is None:
        return False
    return label.t0 <= t0 + CLOCK_SLACK_S and t1 <= label.t1 + CLOCK_SLACK_S


def later(one: Label, other: Label) -> Label:
    """The label that wins (rule 2); at the same time, the one with the greater id, so that the order they came in
    never matters.
    """
    return max(one, other, key=lambda label: (label.t, label.label_id))
