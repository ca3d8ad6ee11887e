"""A build as it goes: what is being done and since when, how much of the search is used up, what it has found.

On a terminal one picture is drawn again and again, as large as the window allows; elsewhere every event is one line.
"""

import threading
import time
from collections.abc import Callable, Iterator

from rich.cells import cell_len
from rich.console import Console as Terminal
from rich.console import ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from factory.artifacts import Trial
from factory.console.plot import MARKS, scatter
from factory.pareto import by_strategy, kb

SECONDS_A_MINUTE = 60
REPLAY_S = 2.0  # in which the trials of an earlier run are told
BAR_WIDTH = 32
PLOT_WIDTH, PLOT_HEIGHT = 72, 12
OTHER_LINES = 8  # of the window that the plot leaves to the rest
STRATEGIES_SHOWN = 6
COLOURS = {MARKS["front"]: "bold green", MARKS["trial"]: "cyan", MARKS["over"]: "dim red"}


class BuildDisplay:
    """Told what happens (`search.Progress`), and drawn by rich."""

    def __init__(self, terminal: Terminal, max_kb: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal, self._max_kb, self._clock = terminal, max_kb, clock
        self._lock = threading.RLock()  # it is drawn by a thread of its own
        self._spinner = Spinner("dots")
        self._stage, self._since = "", clock()
        self._trials: list[Trial] = []
        self._told = 0  # trials of this stage
        self._best: Trial | None = None
        self._share = 0.0
        self._base = (clock(), 0.0)  # when this run itself began to search, and the share that was used up by then

    def stage(self, text: str) -> None:
        """Something else begins; what went before gets its line with the time it took."""
        with self._lock:
            done, now = self._stage, self._clock()
            took = duration(now - self._since)
            trials = f" ({self._told} trial{'s' if self._told > 1 else ''})" if self._told else ""
            self._stage, self._since, self._told = text[:1].upper() + text[1:], now, 0
            self._share, self._base = 0.0, (now, 0.0)
        if done:
            self._terminal.print(f"[green]✓[/] {escape(done)}{trials} [dim]{took}[/]", soft_wrap=True)
        if text and not self._terminal.is_terminal:
            self._terminal.print(f"… {escape(self._stage)}", soft_wrap=True)

    def finished(self, trial: Trial, best: Trial, share: float) -> None:
        """A trial of the search has ended."""
        with self._lock:
            self._trials.append(trial)
            self._told += 1
            self._best, self._share = best, share
            if self._clock() - self._since < REPLAY_S:
                self._base = (self._clock(), share)
        if not self._terminal.is_terminal:
            self._terminal.print(f"  {self._line(trial)}", soft_wrap=True, markup=False)

    def left_s(self) -> float | None:
        """Seconds until the search is over, by the pace of this run; None where it has none yet."""
        began, share = self._base
        if self._share <= share:
            return None
        return (1 - self._share) * (self._clock() - began) / (self._share - share)

    def __rich_console__(self, terminal: Terminal, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The picture, as large as the window allows."""
        with self._lock:
            if not self._stage:
                return
            yield self._head(options.max_width)
            if self._best is None:
                return
            yield _cut(f"  best  {figures(self._best)}{_by(self._best)}", options.max_width, "cyan")
            if self._told:
                yield from self._found(options)

    def _line(self, trial: Trial) -> str:
        """A trial for who reads lines."""
        assert self._best is not None
        left = self.left_s()
        ends = "" if left is None else f", {duration(left)} left"
        best = f"best {accuracy(self._best)}, {kb(self._best):.1f} kB"
        who = f" by {trial.strategy}" if trial.strategy else ""
        return f"trial {trial.number}{who}: {figures(trial)}; {best}; {self._share:.0%} of the search{ends}"

    def _head(self, width: int) -> RenderableType:
        """One line: the stage, and how far it is."""
        head = Table.grid(padding=(0, 1))
        took = Text(duration(self._clock() - self._since), "dim", no_wrap=True)
        stage = Text(self._stage, "bold", no_wrap=True, overflow="ellipsis")
        if not self._told:
            head.add_row(self._spinner, stage, took)
            return head
        left = self.left_s()
        bar = min(BAR_WIDTH, max(0, width - cell_len(self._stage) - 40))
        cells: list[RenderableType] = [self._spinner, stage]
        if bar:
            cells.append(ProgressBar(total=1.0, completed=self._share, width=bar))
        text = f"{self._share:.0%}" + ("" if left is None else f"  {duration(left)} left")
        head.add_row(*cells, Text(text, no_wrap=True), took)
        return head

    def _found(self, options: ConsoleOptions) -> Iterator[RenderableType]:
        """What every strategy brought, and the plot where there is room for it."""
        rows = list(by_strategy(self._trials).items())[-STRATEGIES_SHOWN:]
        room = (options.height or self._terminal.height) - OTHER_LINES - len(rows)
        lines = scatter(self._trials, min(PLOT_WIDTH, options.max_width - 2), min(PLOT_HEIGHT, room), self._max_kb)
        for line in lines:
            yield _coloured(f"  {line}")
        for name, trials in rows:
            best = max(trials, key=lambda trial: (trial.fits, trial.validation_accuracy, -kb(trial)))
            many = f"{len(trials)} trial{'s' if len(trials) > 1 else ''}"
            yield _cut(f"  {name:<14} {many:>11}  best {accuracy(best)}, {kb(best):.1f} kB", options.max_width, "dim")


def figures(trial: Trial) -> str:
    """A trial in short."""
    over = "" if trial.fits else ", over the budget"
    return f"{accuracy(trial)}, {kb(trial):.1f} kB, {trial.footprint.macs / 1000:,.0f}k MACs, {trial.precision}{over}"


def accuracy(trial: Trial) -> str:
    """Its score on validation windows."""
    return f"{100 * trial.validation_accuracy:.1f} %"


def duration(seconds: float) -> str:
    """2.4 s, 3:05, 1:02:03."""
    if seconds < SECONDS_A_MINUTE:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), SECONDS_A_MINUTE)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def _by(trial: Trial) -> str:
    return f" (trial {trial.number}, {trial.strategy})" if trial.strategy else ""


def _cut(text: str, width: int, style: str) -> Text:
    """One line, whatever the width."""
    line = Text(text, style, no_wrap=True, overflow="ellipsis")
    line.truncate(width, overflow="ellipsis")
    return line


def _coloured(line: str) -> Text:
    text = Text(line, "dim", no_wrap=True, overflow="crop")
    for mark, style in COLOURS.items():
        text.highlight_words([mark], style)
    return text
