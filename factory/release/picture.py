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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

WIDTH_IN = 4.4
MAX_NAME = 18
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


class Picture:
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
def picture(name: str, height_in: float) -> Iterator[Picture]:
    """A figure to draw on in the block; its `svg` is there afterwards."""
    with warnings.catch_warnings(), mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        # Text is shown in the page's typeface, which may well have what matplotlib's own lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = Picture(name, height_in)
        yield drawn
        drawn.render()


def short(name: str) -> str:
    """A name that fits beside a picture (rule 3)."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
