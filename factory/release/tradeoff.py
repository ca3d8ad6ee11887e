"""The card's pictures of what a search has found: what a trial costs against how accurate it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from factory.artifacts import Trial
from factory.pareto import family, front, kb, macs
from factory.release.facts import amount
from factory.release.picture import ACCENT, FAINT, SOFT, WARM, picture

SHAPES, GLYPHS = ("o", "^", "s", "D", "P"), ("●", "▲", "■", "◆", "✚")  # of families, in the order they came up
LEAST_SPAN = 0.02  # of accuracy, between the best trial and the lower edge
TWO_DECADES = 100.0  # of cost, beyond which only powers of ten have room


@dataclass(frozen=True)
class Cost:
    """What a trial costs on the device."""

    name: str
    label: str
    of: Callable[[Trial], float]


SIZE = Cost("size", "size of the ONNX file, kB", kb)
WORK = Cost("work", "multiply-accumulates (MACs) a window", macs)


@dataclass(frozen=True)
class _Edges:
    """The least cost and accuracy that have a place of their own; what is below stands on the edge."""

    cost: Cost
    least: float
    low: float


def tradeoff(trials: Sequence[Trial], chosen: int, cost: Cost, limit: float | None) -> str:
    """A cost against validation accuracy of every trial; the front joined, the chosen one marked, the budget a line.

    A shape is a family, a small mark a trial that got a share of a whole training. Trials far below the rest, and
    those that cost nothing, stand on the edge.
    """
    shapes = dict(zip(families(trials), SHAPES, strict=False))
    edges = _Edges(cost, _least([cost.of(t) for t in trials]), _floor([t.validation_accuracy for t in trials]))
    joined = front([trial for trial in trials if trial.fits], cost.of)
    with picture(cost.name, 3.1) as drawn:
        axes = drawn.figure.add_subplot()
        axes.step(*_points(joined, edges), where="post", color=ACCENT, linewidth=1.2, alpha=0.55)
        for trial in sorted(trials, key=lambda t: (t.fits, t in joined)):
            colour, alpha = (ACCENT, 0.9) if trial in joined else (SOFT, 0.4) if trial.fits else (FAINT, 0.8)
            (x,), (y,) = _points([trial], edges)
            axes.scatter([x], [y], c=colour, marker=shapes[family(trial)], s=9 + 23 * trial.effort, lw=0, alpha=alpha)
        axes.scatter(
            *_points([t for t in trials if t.number == chosen], edges),
            s=150,
            facecolors="none",
            edgecolors=WARM,
            linewidths=2,
        )
        if limit is not None:
            axes.axvline(limit, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        _log_costs(axes, _points(trials, edges)[0])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=2))
        axes.set(xlabel=cost.label, ylabel="validation accuracy")
        axes.grid(axis="y")
    return drawn.svg


def families(trials: Sequence[Trial]) -> list[str]:
    """The families of the trials, in the order in which they came up."""
    return list(dict.fromkeys(family(trial) for trial in trials))


def _points(trials: Sequence[Trial], edges: _Edges) -> tuple[list[float], list[float]]:
    return [max(edges.least, edges.cost.of(t)) for t in trials], [max(edges.low, t.validation_accuracy) for t in trials]


def _least(costs: Sequence[float]) -> float:
    """Where what costs nothing stands on a logarithmic axis: trees multiply nothing."""
    return min((cost for cost in costs if cost > 0), default=2.0) / 2


def _floor(accuracies: Sequence[float]) -> float:
    """Below this lie only trials that would press all others together."""
    best, median = max(accuracies), float(np.median(accuracies))
    return max(min(accuracies), best - max(3 * (best - median), LEAST_SPAN))


def _log_costs(axes: Axes, values: Sequence[float]) -> None:
    low, high = min(values) / 1.25, max(values) * 1.25
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    dense = high / low < TWO_DECADES
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if dense else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
