"""Rows of the comparison: kept in a file as they come, printed as a table, and compared in pairs."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

PERMUTATIONS = 100_000
EXACT = 16  # pairs whose signs are all gone through


@dataclass(frozen=True)
class Row:
    """One side's result on the held-out part of one set."""

    set: str
    side: str
    seed: int
    accuracy: float
    macro_f1: float
    kb: float
    macs: int
    minutes: float


def read(path: Path) -> list[Row]:
    """The rows in a file; none where there is no file."""
    return [Row(**row) for row in json.loads(path.read_text())["rows"]] if path.is_file() else []


def write(rows: Sequence[Row], path: Path) -> None:
    """All rows, and what they say together; the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1))
    os.replace(temporary, path)  # noqa: PTH105  (atomic, and says so)


def mean_rows(rows: Iterable[Row]) -> list[str]:
    """A line for each set and side: mean and spread over its seeds."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.set, row.side), []).append(row)
    head = f"{'set':<18}{'side':<20}{'seeds':>5}  {'accuracy':>15}  {'macro-F1':>15}{'kB':>9}{'MACs':>12}{'min':>7}"
    return [head, *(_line(name, side, of) for (name, side), of in sorted(groups.items()))]


def _line(name: str, side: str, rows: Sequence[Row]) -> str:
    kb, macs, minutes = (np.mean([getattr(row, key) for row in rows]) for key in ("kb", "macs", "minutes"))
    accuracy, f1 = (_spread([getattr(row, key) for row in rows]) for key in ("accuracy", "macro_f1"))
    return f"{name:<18}{side:<20}{len(rows):>5}  {accuracy:>15}  {f1:>15}{kb:>9.1f}{macs:>12,.0f}{minutes:>7.2f}"


def _spread(values: Sequence[float]) -> str:
    deviation = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{100 * np.mean(values):.2f} +- {100 * deviation:.2f}"


@dataclass(frozen=True)
class Difference:
    """How much better one side is than another, in points of accuracy, over the sets and seeds that both have."""

    side: str
    against: str
    sets: int
    pairs: int
    points: float  # mean over sets of the mean over seeds
    p: float  # that the signs of the sets' differences are chance

    def __str__(self) -> str:
        return (
            f"{self.side} - {self.against}: {self.points:+.2f} points over {self.sets} sets ({self.pairs} pairs), "
            f"p = {self.p:.3g}"
        )


def difference(rows: Sequence[Row], side: str, against: str) -> Difference | None:
    """None where they have nothing in common. The sets are what is random, so seeds are averaged within them first."""
    ours, theirs = ({(r.set, r.seed): r.accuracy for r in rows if r.side == name} for name in (side, against))
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        return None
    by_set: dict[str, list[float]] = {}
    for key in both:
        by_set.setdefault(key[0], []).append(100 * (ours[key] - theirs[key]))
    each = np.array([np.mean(points) for points in by_set.values()])
    return Difference(side, against, len(each), len(both), float(each.mean()), permuted(each))


def permuted(differences: npt.NDArray[np.float64]) -> float:
    """Two-sided p-value of a mean difference under random signs: all of them where they are few, else a sample."""
    n = len(differences)
    if n <= EXACT:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.random.default_rng(0).choice([-1, 1], size=(PERMUTATIONS, n))
    return float((np.abs(signs @ differences) >= np.abs(differences.sum()) - 1e-9).mean())
