"""What people see in a terminal: progress that says what is happening, tables, one line for an error. Programs get JSON
instead.

Everything that is not the result goes to standard error, so that `--json` output can be piped.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console as Terminal
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from factory.artifacts import Evidence, Trial
from factory.console.building import BuildDisplay
from factory.console.plot import scatter

PLOT_WIDTH, PLOT_HEIGHT = 78, 16  # characters

Shown = Callable[[int, float | None], None]


class Console:
    """The terminal of one command. `as_json`: results as JSON on standard output, nothing else there."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._out = Terminal(highlight=False)
        self._err = Terminal(stderr=True, highlight=False)

    def now(self) -> datetime:
        """The time, for what is stamped with it."""
        return datetime.now(UTC)

    def say(self, text: str) -> None:
        """One line about what happens."""
        self._err.print(escape(text), soft_wrap=True)

    def fail(self, command: str, error: Exception) -> None:
        """The one line that says what went wrong and what to do."""
        self._err.print(f"[bold red]{command}:[/] {escape(str(error))}", soft_wrap=True)

    @contextlib.contextmanager
    def stage(self, text: str) -> Iterator[None]:
        """A step of known name and unknown length, with the time it took."""
        start = time.monotonic()
        with self._err.status(escape(text)):
            yield
        self._err.print(f"[green]✓[/] {escape(text)} [dim]{time.monotonic() - start:.1f} s[/]")

    @contextlib.contextmanager
    def counter(self, text: str, total: int) -> Iterator[Shown]:
        """A step of known length; the block calls what it gets with how many are done and the accuracy so far."""
        with _bar(self._err) as progress:
            task = progress.add_task(escape(text), total=total, note="")

            def shown(done: int, accuracy: float | None) -> None:
                note = "" if accuracy is None else f"accuracy {accuracy:.3f}"
                progress.update(task, completed=done, note=note)

            yield shown
        self._err.print(f"[green]✓[/] {escape(text)}: {total}")

    @contextlib.contextmanager
    def building(self, max_kb: float | None = None) -> Iterator[BuildDisplay]:
        """A build that is under way: its stages, and what the search finds; `max_kb` is drawn as a limit."""
        display = BuildDisplay(self._err, max_kb)
        live = Live(display, console=self._err, transient=True, refresh_per_second=8) if self._err.is_terminal else None
        with live or contextlib.nullcontext():
            yield display
            display.stage("")

    def result(self, value: Mapping[str, object], title: str) -> None:
        """The result of a command: a table of two columns, or JSON."""
        if self._as_json:
            self._out.file.write(json.dumps(value, default=str) + "\n")
            return
        table = Table(title=escape(title), show_header=False, title_justify="left")
        table.add_column(style="dim")
        table.add_column(justify="right", overflow="fold")
        for key, entry in value.items():
            table.add_row(escape(key.replace("_", " ")), escape(_shown(entry)))
        self._out.print(table)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], title: str) -> None:
        """Many results of a command: a table with one row each, or a JSON list of objects."""
        if self._as_json:
            names = [column.lower().replace(" ", "_") for column in columns]
            found = [dict(zip(names, row, strict=True)) for row in rows]
            self._out.file.write(json.dumps(found, default=str) + "\n")
            return
        if rows:
            self._rows(columns, rows, title)

    def plot(self, trials: Sequence[Trial], max_kb: float | None) -> None:
        """Accuracy against size, for people."""
        lines = scatter(trials, min(PLOT_WIDTH, self._out.width), PLOT_HEIGHT, max_kb)
        if lines and not self._as_json:
            self._out.print("\n".join(lines), markup=False)

    def evidence(self, evidence: Evidence, classes: Sequence[str], title: str) -> None:
        """An examination: its figures, then the confusion matrix."""
        plain = asdict(evidence)
        confusion = plain["confusion"]
        if not self._as_json:
            del plain["confusion"]
        self.result(plain, title)
        rows = [(name, *counts) for name, counts in zip(classes, confusion, strict=True)]
        self._rows(("label \\ prediction", *classes), rows)

    def _rows(self, columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
        """A table for people; nothing where a program reads the output."""
        if self._as_json:
            return
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*(escape(_shown(entry)) for entry in row))
        self._out.print(table)


def _bar(terminal: Terminal) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("[cyan]{task.fields[note]}"),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(entry)}" for key, entry in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
