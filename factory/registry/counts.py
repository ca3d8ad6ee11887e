"""Counts of a device, checked and added up. Pure.

Rules
1. `predicted` counts every window once and `confusion` every labelled one, both by the classes of the release; a
   device that has nothing to count may leave them empty. There are no more latencies than windows, and no latency
   bucket is beyond `MAX_BUCKETS`, so that a device cannot make its row grow without end.
2. Adding is exact, so that order does not matter: durations are kept in whole microseconds.
3. No total may leave the range a device may count in, so that every total fits every database and every page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from factory.errors import BadInput
from protocol.messages import Metrics

MAX_TOTAL = 2**53
MAX_BUCKETS = 240  # 20 a decade from a microsecond: the last begins after ten days
_CURE = "Update the agent of this device, or look into who speaks in its name"


@dataclass(frozen=True)
class Counts:
    """What a device has counted for one release in one slot. Times are Unix seconds by the device's clock."""

    n: int
    n_labelled: int
    confusion: tuple[tuple[int, ...], ...]  # [label][prediction]
    predicted: tuple[int, ...]
    latency_us: Mapping[str, int]
    busy_us: int
    wall_us: int
    t0: float
    t1: float

    @classmethod
    def of(cls, message: Metrics, classes: int) -> Self:
        """The counts in a message about a release with this many classes.

        Raises:
            BadInput: they are not counts of such a release (rules 1 and 3).
        """
        none = (0,) * classes
        counts = cls(
            n=message.n,
            n_labelled=message.n_labelled,
            confusion=message.confusion or (none,) * classes,
            predicted=message.predicted or none,
            latency_us=message.latency_us,
            busy_us=round(message.busy_s * 1e6),
            wall_us=round(message.wall_s * 1e6),
            t0=message.t0,
            t1=message.t1,
        )
        _check_classes(counts, classes)
        _check_sums(counts)
        return counts._in_range()

    def plus(self, other: Self) -> Self:
        """Both together (rule 2).

        Raises:
            BadInput: a total would be over `MAX_TOTAL` (rule 3).
        """
        buckets = self.latency_us.keys() | other.latency_us.keys()
        both = type(self)(
            n=self.n + other.n,
            n_labelled=self.n_labelled + other.n_labelled,
            confusion=tuple(_sum(a, b) for a, b in zip(self.confusion, other.confusion, strict=True)),
            predicted=_sum(self.predicted, other.predicted),
            latency_us={
                key: self.latency_us.get(key, 0) + other.latency_us.get(key, 0) for key in sorted(buckets, key=int)
            },
            busy_us=self.busy_us + other.busy_us,
            wall_us=self.wall_us + other.wall_us,
            t0=min(self.t0, other.t0),
            t1=max(self.t1, other.t1),
        )
        return both._in_range()

    def _in_range(self) -> Self:
        for name in ("n", "n_labelled", "busy_us", "wall_us"):
            if getattr(self, name) > MAX_TOTAL:
                raise BadInput(f"metrics.{name}", f"the total would be over {MAX_TOTAL}", _CURE)
        return self


def _check_classes(counts: Counts, classes: int) -> None:
    """Rule 1. That a confusion is square and goes with `predicted` is what makes a message one."""
    if len(counts.predicted) != classes:
        problem = f"it counts {len(counts.predicted)} classes where the release has {classes}"
        raise BadInput("metrics.predicted", problem, _CURE)
    if any(int(bucket) >= MAX_BUCKETS for bucket in counts.latency_us):
        raise BadInput("metrics.latency_us", f"its buckets must be below {MAX_BUCKETS}", _CURE)


def _check_sums(counts: Counts) -> None:
    """Rule 1."""
    timed = sum(counts.latency_us.values())
    if sum(counts.predicted) != counts.n:
        raise BadInput("metrics.predicted", f"it counts no windows where n is {counts.n}", _CURE)
    if sum(map(sum, counts.confusion)) != counts.n_labelled:
        raise BadInput("metrics.confusion", f"it counts no windows where n_labelled is {counts.n_labelled}", _CURE)
    if timed > counts.n:
        raise BadInput("metrics.latency_us", f"it counts {timed} windows where n is {counts.n}", _CURE)


def _sum(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))
