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
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from factory.artifacts import Evidence, Trial

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
    def building(self) -> Iterator["BuildDisplay"]:
        """A build that is under way: its stages, and a bar for the search."""
        with _bar(self._err) as progress:
            display = BuildDisplay(progress, self._err)
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

    def evidence(self, evidence: Evidence, classes: Sequence[str], title: str) -> None:
        """An examination: its figures, then the confusion matrix."""
        plain = asdict(evidence)
        confusion = plain["confusion"]
        if not self._as_json:
            del plain["confusion"]
        self.result(plain, title)
        rows = [(name, *counts) for name, counts in zip(classes, confusion, strict=True)]
        self._rows(("label \\ prediction", *classes), rows)

    def _rows(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table for people; nothing where a program reads the output."""
        if self._as_json:
            return
        table = Table(*columns)
        for row in rows:
            table.add_row(*(escape(_shown(entry)) for entry in row))
        self._out.print(table)


class BuildDisplay:
    """The progress of a build: what is being done, how much of the search is used up, the best model so far."""

    def __init__(self, progress: Progress, terminal: Terminal) -> None:
        self._progress, self._terminal = progress, terminal
        self._task = progress.add_task("", total=None, note="")
        self._stage, self._since, self._trials = "", time.monotonic(), 0

    def stage(self, text: str) -> None:
        """Something else begins; what went before gets its line with the time it took."""
        if self._stage:
            trials = f" ({self._trials} trials)" if self._trials else ""
            self._terminal.print(
                f"[green]✓[/] {escape(self._stage)}{trials} [dim]{time.monotonic() - self._since:.1f} s[/]"
            )
        self._stage, self._since, self._trials = text.capitalize(), time.monotonic(), 0
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(escape(self._stage), total=None, note="")

    def finished(self, trial: Trial, best: Trial, share: float) -> None:
        """A trial of the search has ended."""
        del trial
        self._trials += 1
        cost = best.footprint
        note = f"best {best.validation_accuracy:.3f}, {cost.file_bytes / 1000:.0f} kB, {cost.macs / 1000:.0f}k MACs"
        if not self._terminal.is_terminal:
            self._terminal.print(f"  {self._trials} trials, {share:.0%} of the search: {note}")
        self._progress.update(self._task, total=100, completed=round(100 * share), note=note)


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
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(entry)}" for key, entry in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
