"""What counts say about a model on a device: accuracy with its uncertainty and course, latency, throughput.

Rules
1. Accuracy is only claimed for labelled windows, and never without its interval (Wilson 1927, 95 %).
2. Neighbouring reports are pooled before they are drawn: a point of three windows says nothing.
3. A number that nothing has been counted for is None, not zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from protocol.messages import latency_quantile

Z_95 = 1.959964


class Counted(Protocol):
    """One report of a device, as `factory.registry` keeps it."""

    @property
    def t(self) -> float:
        """Unix seconds."""

    @property
    def n_labelled(self) -> int:
        """Windows of this report whose truth is known."""

    @property
    def n_correct(self) -> int:
        """Windows of those that the model got right."""


@dataclass(frozen=True)
class Measured:
    """Accuracy on labelled windows with its 95 % interval, all shares of 1 (rules 1 and 3)."""

    n: int
    n_labelled: int
    accuracy: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Bin:
    """Reports pooled over `t0` to `t1`, Unix seconds (rule 2)."""

    t0: float
    t1: float
    n_labelled: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Latency:
    """Quantiles of the time one window takes, in microseconds."""

    p50_us: float
    p95_us: float
    p99_us: float


def wilson(correct: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """The interval a share of `correct` in `n` lies in (E. B. Wilson, 1927); n must be above zero."""
    share = correct / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def measured(n: int, n_labelled: int, n_correct: int) -> Measured:
    """Accuracy of counts (rule 1)."""
    if n_labelled <= 0:
        return Measured(n, 0, None, None, None)
    low, high = wilson(n_correct, n_labelled)
    return Measured(n, n_labelled, n_correct / n_labelled, low, high)


def pooled(points: Sequence[Counted], most: int) -> list[Bin]:
    """At most `most` bins of about equally many labelled windows, oldest first (rule 2)."""
    labelled = [point for point in points if point.n_labelled > 0]
    share = sum(point.n_labelled for point in labelled) / most
    bins: list[Bin] = []
    held: list[Counted] = []
    for point in labelled:
        held.append(point)
        if sum(each.n_labelled for each in held) >= share:
            bins.append(_bin(held))
            held = []
    return [*bins, _bin(held)] if held else bins


def _bin(points: Sequence[Counted]) -> Bin:
    n, correct = sum(point.n_labelled for point in points), sum(point.n_correct for point in points)
    return Bin(points[0].t, points[-1].t, n, correct / n, *wilson(correct, n))


def latency(buckets: Mapping[str, int]) -> Latency | None:
    """Quantiles of a device's latency histogram; None where it is empty (rule 3)."""
    counts = dict(buckets)
    if sum(counts.values()) == 0:
        return None
    return Latency(*(latency_quantile(counts, q) for q in (0.5, 0.95, 0.99)))


def per_second(n: int, seconds: float) -> float | None:
    """Windows a second; None where no time has passed (rule 3)."""
    return n / seconds if seconds > 0 else None


def recall(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> dict[str, float]:
    """The share of each class's windows that were predicted right, by name; without windows, no entry (rule 3)."""
    counted = zip(names, confusion, strict=False)
    return {name: row[index] / sum(row) for index, (name, row) in enumerate(counted) if sum(row)}
