"""Accuracy against size as lines of text: what a search has found so far, at a glance. Pure."""

import math
from collections.abc import Sequence
from typing import Literal

from factory.artifacts import Trial
from factory.pareto import front, kb

LEAST_WIDTH, LEAST_HEIGHT = 24, 4  # of the area between the axes, characters
LABEL = 7  # characters of the vertical axis and its labels
MARKS = {"over": "x", "trial": "·", "front": "●"}
ROOM = 1.15  # beyond the smallest and the largest size
TICKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)  # kB

Mark = Literal["over", "trial", "front"]


def scatter(trials: Sequence[Trial], width: int, height: int, max_kb: float | None = None) -> list[str]:
    """`height` lines of at most `width` characters; none where that is too small, or there is no trial.

    Sizes are on a logarithmic scale. The vertical line is the budget.
    """
    across, up = width - LABEL, height - 2
    if not trials or across < LEAST_WIDTH or up < LEAST_HEIGHT:
        return []
    sizes = [kb(trial) for trial in trials] + ([max_kb] if max_kb is not None else [])
    x = _Scale(math.log(min(sizes) / ROOM), math.log(max(sizes) * ROOM), across)
    low, high = _range([trial.validation_accuracy for trial in trials])
    y = _Scale(low, high, up)
    cells = [[" "] * across for _ in range(up)]
    if max_kb is not None:
        for row in cells:
            row[x.cell(math.log(max_kb))] = "│"
    for mark, some in _layers(trials):
        for trial in some:
            cells[up - 1 - y.cell(trial.validation_accuracy)][x.cell(math.log(kb(trial)))] = MARKS[mark]
    ends = {0: high, up - 1: low}
    lines = [f"{100 * ends[i]:4.0f} % " if i in ends else " " * LABEL for i in range(up)]
    lines = [f"{label[: LABEL - 1]}┤{''.join(row)}".rstrip() for label, row in zip(lines, cells, strict=True)]
    return [*lines, " " * (LABEL - 1) + "└" + "─" * across, " " * LABEL + _ticks(x, across)]


class _Scale:
    """From values to cells 0 .. n-1."""

    def __init__(self, low: float, high: float, n: int) -> None:
        self._low, self._span, self._n = low, high - low, n

    def cell(self, value: float) -> int:
        return max(0, min(self._n - 1, int((value - self._low) / self._span * self._n)))


def _range(accuracies: Sequence[float]) -> tuple[float, float]:
    """Whole percents around the values, at least two apart."""
    low, high = math.floor(100 * min(accuracies)), math.ceil(100 * max(accuracies))
    if high - low < 2:  # noqa: PLR2004
        low, high = max(0, low - 1), min(100, high + 1)
    return low / 100, high / 100


def _layers(trials: Sequence[Trial]) -> list[tuple[Mark, list[Trial]]]:
    """What is drawn over what."""
    fitting = [trial for trial in trials if trial.fits]
    return [("over", [t for t in trials if not t.fits]), ("trial", fitting), ("front", front(fitting))]


def _ticks(x: _Scale, across: int) -> str:
    """Sizes under the axis, as far as they do not touch; the unit at its end."""
    unit = " kB"
    line = ""
    for tick in TICKS:
        place = x.cell(math.log(tick))
        inside = 0 < place < across - len(f"{tick}{unit}")
        if inside and place > len(line):
            line = line.ljust(place) + str(tick)
    return line.ljust(across - len(unit)) + unit
