"""Whole groups (people, devices) into parts, every class in every part, sizes near the shares asked for.

Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011), with groups in place of examples: the class with the
fewest windows left is dealt out first, each of its groups to a part that has none of its classes yet, or else to the
one that still lacks most of that class. The order is drawn from the seed; of `ATTEMPTS` deals the one is kept that
leaves no class out and is nearest to the shares in windows and in groups. The windows' samples have no say in it. A
class of fewer groups than there are parts is in TRAIN first, and missing from another.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from factory.artifacts import TRAIN, Int64

ATTEMPTS = 32
MOST_DEALT = 20_000  # groups, in all attempts together

Float64 = npt.NDArray[np.float64]


def assign(
    y: Int64, group: npt.NDArray[np.str_], classes: int, shares: Sequence[float], seed: int
) -> npt.NDArray[np.int8]:
    """The part of each window (n,); parts with a share of 0 stay empty."""
    names, code = np.unique(group, return_inverse=True)
    counts = np.zeros((len(names), classes), dtype=np.float64)  # (group, class), windows
    np.add.at(counts, (code, y), 1)
    wanted = np.array(shares)
    rng = np.random.default_rng(seed)
    attempts = min(ATTEMPTS, max(1, MOST_DEALT // len(names)))
    deals = [_deal(counts, wanted, rng) for _ in range(attempts)]
    best = min(deals, key=lambda deal: _distance(deal, counts, wanted))
    return best[code].astype(np.int8)


def _deal(counts: Float64, shares: Float64, rng: np.random.Generator) -> Int64:
    """The part of each group."""
    part = np.full(len(counts), -1, dtype=np.int64)
    hands = _Hands(counts, shares)
    order = rng.permutation(len(counts))
    while (part < 0).any():
        left = counts * (part < 0)[:, None]
        totals = left.sum(axis=0)
        rarest = int(np.argmin(np.where(totals > 0, totals, np.inf)))
        for group in order[left[order, rarest] > 0]:
            part[group] = hands.deal(counts[group], rarest)
    return part


class _Hands:
    """What each part has been dealt, and what it still lacks."""

    def __init__(self, counts: Float64, shares: Float64) -> None:
        self._lacking = shares[:, None] * counts.sum(axis=0)  # (part, class), windows
        self._has = np.zeros(self._lacking.shape, dtype=np.bool_)  # (part, class)
        self._parts = np.flatnonzero(shares > 0).tolist()

    def deal(self, group: Float64, rarest: int) -> int:
        """Give a group (classes,) to the part it brings most new classes; of equal ones, to that which lacks most."""
        new = ((group > 0) & ~self._has).sum(axis=1)
        lacking = self._lacking
        to = int(max(self._parts, key=lambda part: (new[part], lacking[part, rarest], lacking[part].sum())))
        lacking[to] -= group
        self._has[to] |= group > 0
        return to


def _distance(part: Int64, counts: Float64, shares: Float64) -> tuple[int, int, float]:
    """Classes missing from train, classes missing anywhere, and how far the sizes are from the shares."""
    used = np.flatnonzero(shares > 0)
    held = np.stack([counts[part == p].sum(axis=0) for p in used])  # (part, class)
    absent = (held == 0) & (counts.sum(axis=0) > 0)
    windows = held.sum(axis=1) / counts.sum()
    groups = np.array([(part == p).mean() for p in used])
    away = np.abs(windows - shares[used]).sum() + np.abs(groups - shares[used]).sum()
    return int(absent[used == TRAIN].sum()), int(absent.sum()), float(away)
