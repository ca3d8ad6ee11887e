"""The card's pictures: SVG for inside an HTML page, drawn by matplotlib.

Rules
1. A picture is about as wide as a phone, so that its text can be read there; the page lets it grow a little elsewhere.
2. Colours are placeholders that become the page's own (`var(--ink)` and so on), so that a picture follows light and
   dark.
3. Text stays text, in the page's typeface. Names are cut to `MAX_NAME` characters.
4. Every id in a picture begins with the picture's name, so that several fit one page.
5. The same facts give the same bytes.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from factory.artifacts import Budget, Evidence, Trial
from factory.release.facts import KB, CardFacts, percent, tenth

WIDTH_IN = 4.4
MAX_NAME = 18
MAX_BARS = 24
MAX_CELLS_WITH_COUNTS = 12  # classes
LEVEL_CHARS = 36  # names that take more than this in all do not fit side by side below the picture
READABLE_SHARE = 0.5  # a cell stronger than this needs light text
INK, SOFT, FAINT, ACCENT, PAPER, WARM = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_VARIABLES = {INK: "ink", SOFT: "soft", FAINT: "faint", ACCENT: "accent", PAPER: "paper", WARM: "warm"}
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
}


class _Picture:
    """One figure on its way to SVG."""

    def __init__(self, name: str, height_in: float) -> None:
        self.name = name
        self.figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        self.svg = ""

    def render(self) -> None:
        """Rules 2, 4 and 5."""
        out = io.StringIO()
        self.figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        svg = out.getvalue()
        svg = svg[svg.index("<svg") :]
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{self.name}-", svg)
        for colour, variable in _VARIABLES.items():
            svg = svg.replace(colour, f"var(--{variable})")
        svg = re.sub(r"font-family: [^;\"]*", "font-family: var(--face)", svg)
        svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg))
        self.svg = svg.strip()


@contextmanager
def _picture(name: str, height_in: float) -> Iterator[_Picture]:
    with warnings.catch_warnings(), mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        # Text is shown in the page's typeface, which may well have what matplotlib's own lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        picture = _Picture(name, height_in)
        yield picture
        picture.render()


def pareto(trials: Sequence[Trial], chosen: int, budget: Budget) -> str:
    """Size against validation accuracy of every trial; the best ones of each size joined, the chosen one marked."""
    with _picture("pareto", 3.1) as picture:
        axes = picture.figure.add_subplot()
        for fits, colour in ((False, FAINT), (True, ACCENT)):
            for precision, marker in (("fp32", "s"), ("int8", "o")):
                some = [t for t in trials if t.fits == fits and t.precision == precision]
                axes.scatter(*_points(some), c=colour, marker=marker, s=24, linewidths=0, alpha=0.85 if fits else 1)
        axes.step(*_points(front([t for t in trials if t.fits])), where="post", color=ACCENT, linewidth=1, alpha=0.5)
        (size,), (accuracy,) = _points([t for t in trials if t.number == chosen])
        axes.scatter([size], [accuracy], s=150, facecolors="none", edgecolors=WARM, linewidths=2)
        if budget.max_kb is not None:
            axes.axvline(budget.max_kb, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        _log_sizes(axes, [t.footprint.file_bytes / KB for t in trials])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=2))
        axes.set(xlabel="size of the ONNX file, kB", ylabel="validation accuracy")
        axes.grid(axis="y")
    return picture.svg


def _points(trials: Sequence[Trial]) -> tuple[list[float], list[float]]:
    return [t.footprint.file_bytes / KB for t in trials], [t.validation_accuracy for t in trials]


def front(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that no smaller one equals in accuracy, by size."""
    best: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (t.footprint.file_bytes, -t.validation_accuracy)):
        if not best or trial.validation_accuracy > best[-1].validation_accuracy:
            best.append(trial)
    return best


def _log_sizes(axes: Axes, sizes: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(min(sizes) / 1.25, max(sizes) * 1.25)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """Windows by label (rows) and answer (columns); a cell's strength is its share of its row."""
    table = np.array(counts, dtype=np.float64)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    n, names = len(classes), [_short(name) for name in classes]
    with _picture("confusion", 4.2) as picture:
        axes = picture.figure.add_subplot()
        axes.add_patch(Rectangle((-0.5, -0.5), n, n, facecolor=FAINT, alpha=0.28, linewidth=0))
        for row, column in zip(*np.nonzero(table), strict=True):
            count = f"{table[row, column]:.0f}" if n <= MAX_CELLS_WITH_COUNTS else ""
            _cell(axes, (int(row), int(column)), float(shares[row, column]), count)
        axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), aspect="equal", xlabel="answered", ylabel="was")
        axes.set_xticks(range(n), names, rotation=90 if max(map(len, names)) * n > LEVEL_CHARS else 0)
        axes.set_yticks(range(n), names)
        axes.tick_params(labelsize=10.5 if n <= MAX_CELLS_WITH_COUNTS else max(3.0, 126 / n))
        axes.spines[:].set_visible(False)
    return picture.svg


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
    with _picture("groups", 0.9 + 0.3 * len(rows)) as picture:
        axes = picture.figure.add_subplot()
        places = range(len(rows))[::-1]
        axes.barh(places, [share for _, share in rows], height=0.62, color=ACCENT, linewidth=0)
        for place, (_, share) in zip(places, rows, strict=True):
            axes.text(1.03, place, percent(share), va="center", color=INK)
        axes.axvline(evidence.accuracy, color=WARM, linewidth=1.5)
        axes.set_yticks(places, [_short(name) for name, _ in rows])
        axes.set(xlim=(0, 1.18), ylim=(-0.6, len(rows) - 0.4))
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
        axes.spines[:].set_visible(False)
        axes.set_xlabel("accuracy on held-out windows; line: all together")
    return picture.svg


def variants(facts: CardFacts) -> str:
    """Size and median latency of each precision, side by side."""
    names = [variant.compiled.precision for variant in facts.variants]
    sizes = [variant.compiled.footprint.file_bytes / KB for variant in facts.variants]
    times = [variant.latency.p50_us for variant in facts.variants]
    with _picture("variants", 0.95 + 0.42 * len(names)) as picture:
        left, right = picture.figure.subplots(1, 2, sharey=True)
        _bars(left, sizes, "file, kB", names, facts.released)
        _bars(right, times, "one window (median), µs", names, facts.released)
    return picture.svg


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
        "pareto": pareto(facts.trials, facts.chosen, facts.budget),
        "confusion": confusion(facts.test.confusion, facts.task.classes),
        "groups": groups(facts.test) if len(facts.test.accuracy_by_group) > 1 else "",
        "variants": variants(facts),
    }


def _short(name: str) -> str:
    """A name that fits beside a picture (rule 3)."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
