"""The card's pictures: how sure and how right, what is taken for what, who it works for, what each precision costs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from factory.artifacts import Bin, Evidence
from factory.release.facts import KB, CardFacts, percent, tenth
from factory.release.picture import ACCENT, FAINT, INK, PAPER, SOFT, WARM, picture, short
from factory.release.tradeoff import SIZE, WORK, tradeoff

MAX_BARS = 24
MAX_CELLS_WITH_COUNTS = 12  # classes
LEVEL_CHARS = 36  # names that take more than this in all do not fit side by side below the picture
READABLE_SHARE = 0.5  # a cell stronger than this needs light text


def reliability(bins: Sequence[Bin]) -> str:
    """How sure the model was against how often it was right; the nearer to the diagonal, the better."""
    windows = sum(one.windows for one in bins)
    with picture("reliability", 3.9) as drawn:
        above, below = drawn.figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
        above.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        x, y = [one.confidence for one in bins], [one.accuracy for one in bins]
        above.vlines(x, x, y, color=WARM, linewidth=2, alpha=0.7)
        above.plot(x, y, color=ACCENT, linewidth=1.5)
        above.scatter(x, y, s=[14 + 110 * one.windows / windows for one in bins], c=ACCENT, linewidths=0)
        above.set(xlim=(0, 1.03), ylim=(0, 1.05), ylabel="was right")
        below.bar(x, [one.windows / windows for one in bins], width=0.06, color=SOFT, alpha=0.6, linewidth=0)
        below.set_yticks([])
        below.spines[:].set_visible(False)
        below.set(xlabel="probability of the answer; bars: share of windows", ylim=(0, 1))
        ticks = [0, 0.25, 0.5, 0.75, 1]
        below.set_xticks(ticks, ["0", "25", "50", "75", "100 %"])
        above.set_yticks(ticks, ["0", "25", "50", "75", "100 %"])
        above.grid()
    return drawn.svg


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """Windows by label (rows) and answer (columns); a cell's strength is its share of its row."""
    table = np.array(counts, dtype=np.float64)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    n, names = len(classes), [short(name) for name in classes]
    with picture("confusion", 4.2) as drawn:
        axes = drawn.figure.add_subplot()
        axes.add_patch(Rectangle((-0.5, -0.5), n, n, facecolor=FAINT, alpha=0.28, linewidth=0))
        for row, column in zip(*np.nonzero(table), strict=True):
            count = f"{table[row, column]:.0f}" if n <= MAX_CELLS_WITH_COUNTS else ""
            _cell(axes, (int(row), int(column)), float(shares[row, column]), count)
        axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), aspect="equal", xlabel="answered", ylabel="was")
        axes.set_xticks(range(n), names, rotation=90 if max(map(len, names)) * n > LEVEL_CHARS else 0)
        axes.set_yticks(range(n), names)
        axes.tick_params(labelsize=10.5 if n <= MAX_CELLS_WITH_COUNTS else max(3.0, 126 / n))
        axes.spines[:].set_visible(False)
    return drawn.svg


def _cell(axes: Axes, place: tuple[int, int], share: float, count: str) -> None:
    row, column = place
    colour = ACCENT if row == column else WARM
    axes.add_patch(Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, facecolor=colour, alpha=share, linewidth=0))
    ink = PAPER if share > READABLE_SHARE else INK
    axes.text(column, row, count, color=ink, ha="center", va="center")


def groups(evidence: Evidence) -> str:
    """Accuracy of each group, with that of all windows as a line; of many, the lowest and the highest."""
    rows = sorted(evidence.accuracy_by_group.items(), key=lambda item: item[1])
    if len(rows) > MAX_BARS:
        rows = rows[: MAX_BARS // 2] + rows[-MAX_BARS // 2 :]
    with picture("groups", 0.9 + 0.3 * len(rows)) as drawn:
        axes = drawn.figure.add_subplot()
        places = range(len(rows))[::-1]
        axes.barh(places, [share for _, share in rows], height=0.62, color=ACCENT, linewidth=0)
        for place, (_, share) in zip(places, rows, strict=True):
            axes.text(1.03, place, percent(share), va="center", color=INK)
        axes.axvline(evidence.accuracy, color=WARM, linewidth=1.5)
        axes.set_yticks(places, [short(name) for name, _ in rows])
        axes.set(xlim=(0, 1.18), ylim=(-0.6, len(rows) - 0.4))
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
        axes.spines[:].set_visible(False)
        axes.set_xlabel("accuracy on held-out windows; line: all together")
    return drawn.svg


def variants(facts: CardFacts) -> str:
    """Size and median latency of each precision, side by side."""
    names = [variant.compiled.precision for variant in facts.variants]
    sizes = [variant.compiled.footprint.file_bytes / KB for variant in facts.variants]
    times = [variant.latency.p50_us for variant in facts.variants]
    with picture("variants", 0.95 + 0.42 * len(names)) as drawn:
        left, right = drawn.figure.subplots(1, 2, sharey=True)
        _bars(left, sizes, "file, kB", names, facts.released)
        _bars(right, times, "one window (median), µs", names, facts.released)
    return drawn.svg


def _bars(axes: Axes, values: Sequence[float], label: str, names: Sequence[str], released: str) -> None:
    places = range(len(names))[::-1]
    axes.barh(places, values, height=0.6, color=[ACCENT if name == released else FAINT for name in names], linewidth=0)
    for place, value in zip(places, values, strict=True):
        axes.text(value + 0.03 * max(values), place, tenth(value), va="center", color=INK)
    axes.set_yticks(places, names)
    axes.set(xlim=(0, 1.35 * max(values)), ylim=(-0.6, len(names) - 0.4))
    axes.set_xticks([])
    axes.set_xlabel(label)
    axes.spines[:].set_visible(False)


def by_name(facts: CardFacts) -> Mapping[str, str]:
    """Every picture of a card."""
    return {
        "size": tradeoff(facts.trials, facts.chosen, SIZE, facts.budget.max_kb),
        "work": tradeoff(facts.trials, facts.chosen, WORK, facts.budget.max_macs),
        "reliability": reliability(facts.test.reliability) if facts.test.reliability else "",
        "confusion": confusion(facts.test.confusion, facts.task.classes),
        "groups": groups(facts.test) if len(facts.test.accuracy_by_group) > 1 else "",
        "variants": variants(facts),
    }
