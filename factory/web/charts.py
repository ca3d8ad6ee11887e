"""Charts as SVG text: pure functions from numbers to markup.

Rules
1. Every chart has a title and a description in words: a person who cannot see it is told the same.
2. No style attribute and no script: colours come from classes of the style sheet, so the strict content policy holds.
3. Whatever text comes in is escaped; it may have been chosen by a device.
4. No scale is stretched until noise looks like news: accuracy spans at least `LEAST_SPAN`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from factory.web.measure import Bin

LEAST_SPAN = 0.08  # of accuracy (rule 4)
LEAST_POINTS = 2  # fewer make no line
MOST_LEVELS = 6
SECONDS_BELOW_S, HOURS_BELOW_S = 600, 36 * 3600  # spans whose times are shown with seconds, with minutes
DARK_FROM = 0.5  # share from which a cell takes light ink
SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 96, 26, 3
CHART_HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 216, 46, 12, 12, 28
CELL, HEAT_LEFT, HEAT_TOP, HEAT_RIGHT = 42, 84, 62, 36
BAR_WIDTH, BAR_STEP, BAR_LEFT, BAR_RIGHT = 380, 26, 88, 58
LONGEST_NAME = 12  # characters; the whole name is in the title
MOST_CLASSES = 30


@dataclass(frozen=True)
class Scale:
    """Where a time (Unix seconds) and a share of 1 lie in the picture."""

    start: float
    end: float
    low: float
    high: float
    width: int

    def x(self, t: float) -> float:
        """From left to right."""
        return LEFT + (self.width - LEFT - RIGHT) * (t - self.start) / (self.end - self.start)

    def y(self, share: float) -> float:
        """From top to bottom: the higher share is the smaller y."""
        return TOP + (CHART_HEIGHT - TOP - BOTTOM) * (self.high - share) / (self.high - self.low)


def sparkline(values: Sequence[float]) -> Markup:
    """The course of a share over time, oldest first; empty for fewer than two values."""
    if len(values) < LEAST_POINTS:
        return Markup()
    low, high = _span(values)
    step = (SPARK_WIDTH - 2 * SPARK_MARGIN) / (len(values) - 1)
    drop = (SPARK_HEIGHT - 2 * SPARK_MARGIN) / (high - low)
    dots = [(SPARK_MARGIN + step * i, SPARK_MARGIN + drop * (high - value)) for i, value in enumerate(values)]
    title = f"Accuracy went from {values[0]:.1%} to {values[-1]:.1%}"
    body = _polyline(dots) + _dot(dots[-1], 2.2)
    return _svg("spark", (SPARK_WIDTH, SPARK_HEIGHT), title, body)


def accuracy_chart(bins: Sequence[Bin], reference: float | None, width: int) -> Markup:
    """Accuracy over time, its 95 % interval as a band, the factory's own dashed; empty for fewer than two bins."""
    if len(bins) < LEAST_POINTS:
        return Markup()
    known = [] if reference is None else [reference]
    low, high = _span([value for each in bins for value in (each.low, each.high)] + known)
    middles = [(each.t0 + each.t1) / 2 for each in bins]
    scale = Scale(middles[0], max(middles[-1], middles[0] + 1.0), low, high, width)
    layers = (_grid(scale), _times(scale), _reference(scale, reference), _course(scale, bins, middles))
    title = f"Accuracy over time: {bins[-1].accuracy:.1%} in the latest of {len(bins)} steps"
    lowest, highest = min(each.accuracy for each in bins), max(each.accuracy for each in bins)
    text = f"Between {lowest:.1%} and {highest:.1%}." + "".join(f" The factory measured {each:.1%}." for each in known)
    return _svg("chart", (width, CHART_HEIGHT), title, Markup().join(layers), text)


def heat_map(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> Markup:
    """Counts of label (row) against prediction (column), shaded by their share of the row; empty without counts."""
    size, total = len(confusion), sum(map(sum, confusion))
    if not total or size > MOST_CLASSES or size != len(names) or any(len(row) != size for row in confusion):
        return Markup()
    axes = Markup().join(_class_name(index, name) for index, name in enumerate(names))
    rows = Markup().join(_heat_row(index, row, names) for index, row in enumerate(confusion))
    extent = (HEAT_LEFT + CELL * size + HEAT_RIGHT, HEAT_TOP + CELL * size + 4)
    right = sum(row[index] for index, row in enumerate(confusion))
    title = f"Confusion matrix of {size} classes: {right} of {total} labelled windows right"
    return _svg("heat", extent, title, axes + rows, _worst(confusion, names))


def bars(what: str, shares: Mapping[str, float]) -> Markup:
    """One bar a name, of a share of 1, lowest first; empty without any. `what` they are, for the title."""
    if not shares:
        return Markup()
    ordered = sorted(shares.items(), key=lambda item: item[1])
    body = Markup().join(_bar(index, name, share) for index, (name, share) in enumerate(ordered))
    title = f"{what}, from {ordered[0][1]:.1%} to {ordered[-1][1]:.1%}"
    return _svg("bars", (BAR_WIDTH, BAR_STEP * len(ordered)), title, body)


def _svg(kind: str, size: tuple[int, int], title: str, body: Markup, text: str = "") -> Markup:
    described = Markup("<desc>{}</desc>").format(text) if text else ""
    frame = Markup('<svg class="{}" viewBox="0 0 {} {}" width="{}" height="{}" role="img"><title>{}</title>{}{}</svg>')
    return frame.format(kind, *size, *size, title, described, body)


def _polyline(dots: Sequence[tuple[float, float]]) -> Markup:
    return Markup('<polyline class="line" points="{}"/>').format(_points(dots))


def _points(dots: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)


def _dot(at: tuple[float, float], radius: float) -> Markup:
    return Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(*at, radius)


def _text(kind: str, at: tuple[float, float], anchor: str, words: str) -> Markup:
    shape = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return shape.format(kind, *at, anchor, words)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest share with a little air, within 0 to 1 (rule 4)."""
    low, high = min(values), max(values)
    air = max(0.04 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    high = min(1.0, high + air)
    return max(0.0, min(low - air, high - LEAST_SPAN)), max(high, LEAST_SPAN)


def _grid(scale: Scale) -> Markup:
    """Three to six round shares."""
    step = next(step for step in (1, 2, 5, 10, 20) if 100 * (scale.high - scale.low) / step <= MOST_LEVELS)
    shares = [percent for percent in range(0, 101, step) if scale.low <= percent / 100 <= scale.high]
    return Markup().join(_level(scale, percent) for percent in shares)


def _level(scale: Scale, percent: int) -> Markup:
    y = scale.y(percent / 100)
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
        LEFT, scale.width - RIGHT, y, y
    )
    return line + _text("tick", (LEFT - 8, y + 4), "end", f"{percent} %")


def _times(scale: Scale) -> Markup:
    span = scale.end - scale.start
    shape = "%H:%M:%S" if span < SECONDS_BELOW_S else "%H:%M" if span < HOURS_BELOW_S else "%d %b"
    ticks = (("start", scale.start), ("middle", (scale.start + scale.end) / 2), ("end", scale.end))
    return Markup().join(
        _text("tick", (scale.x(t), CHART_HEIGHT - 8), anchor, datetime.fromtimestamp(t, UTC).strftime(shape))
        for anchor, t in ticks
    )


def _reference(scale: Scale, share: float | None) -> Markup:
    if share is None:
        return Markup()
    y = scale.y(share)
    line = Markup('<line class="reference" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
    return line.format(LEFT, scale.width - RIGHT, y, y)


def _course(scale: Scale, bins: Sequence[Bin], middles: Sequence[float]) -> Markup:
    at = [scale.x(t) for t in middles]
    upper = [(x, scale.y(each.high)) for x, each in zip(at, bins, strict=True)]
    lower = [(x, scale.y(each.low)) for x, each in zip(at, bins, strict=True)]
    line = [(x, scale.y(each.accuracy)) for x, each in zip(at, bins, strict=True)]
    band = Markup('<polygon class="band" points="{}"/>').format(_points([*upper, *reversed(lower)]))
    return band + _polyline(line) + _dot(line[-1], 3.5)


def _clipped(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\u2026"


def _class_name(index: int, name: str) -> Markup:
    """Beside its row, and leaning over its column."""
    x, y = HEAT_LEFT + CELL * (index + 0.5), HEAT_TOP - 8
    lean = Markup('<text class="tick" x="{:.1f}" y="{}" transform="rotate(-40 {:.1f} {})">{}</text>')
    beside = _text("tick", (HEAT_LEFT - 8, HEAT_TOP + CELL * (index + 0.5) + 4), "end", _clipped(name))
    return beside + lean.format(x, y, x, y, _clipped(name))


def _heat_row(row: int, counts: Sequence[int], names: Sequence[str]) -> Markup:
    return Markup().join(_cell(row, column, counts, names) for column in range(len(counts)))


def _cell(row: int, column: int, counts: Sequence[int], names: Sequence[str]) -> Markup:
    x, y = HEAT_LEFT + CELL * column, HEAT_TOP + CELL * row
    share = counts[column] / max(sum(counts), 1)
    kind = "right" if row == column else "wrong"
    words = f"{names[row]} taken for {names[column]}: {counts[column]} of {sum(counts)}"
    cell = Markup('<g><title>{}</title><rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="4" {}/>{}</g>')
    shade = Markup('fill-opacity="{:.2f}"').format(0.06 + 0.94 * share)
    ink = "count strong" if share > DARK_FROM else "count"
    shown = _text(ink, (x + CELL / 2 - 1, y + CELL / 2 + 3), "middle", str(counts[column])) if counts[column] else ""
    return cell.format(words, kind, x, y, CELL - 2, CELL - 2, shade, shown)


def _worst(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """The most frequent mistake in words (rule 1)."""
    mistakes = [
        (n, names[i], names[j]) for i, row in enumerate(confusion) for j, n in enumerate(row) if i != j and n > 0
    ]
    if not mistakes:
        return "No mistakes."
    n, label, prediction = max(mistakes)
    return f"Most frequent mistake: {label} taken for {prediction}, {n} times."


def _bar(index: int, name: str, share: float) -> Markup:
    y, room = BAR_STEP * index, BAR_WIDTH - BAR_LEFT - BAR_RIGHT
    rect = Markup('<g><title>{}</title><rect class="{}" x="{}" y="{}" width="{:.1f}" height="10" rx="5"/></g>')
    track = rect.format(name, "track", BAR_LEFT, y + 6, room)
    fill = rect.format(name, "fill", BAR_LEFT, y + 6, room * share)
    label = _text("tick", (BAR_LEFT - 8, y + 15), "end", _clipped(name))
    return label + track + fill + _text("tick", (BAR_WIDTH, y + 15), "end", f"{100 * share:.1f} %")
