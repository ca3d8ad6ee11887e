"""The model card: one self-contained HTML file that a person can read, print, mail and keep.

Nothing in it comes from elsewhere or runs: no script, no request, styles and pictures inside. Every text from outside
is escaped by the template, every picture by matplotlib. After Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import jinja2
from markupsafe import Markup

from factory.artifacts import Trial
from factory.pareto import by_strategy, family, front
from factory.release import plots, tradeoff
from factory.release.facts import KB, CardFacts, PartCount, amount, count_parts, number, percent, tenth

__all__ = ["CardFacts", "PartCount", "card", "count_parts"]

WORST_SHOWN = 5
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(percent=percent, number=number, tenth=tenth, amount=amount)


@dataclass(frozen=True)
class Mistake:
    """Windows of one class that were answered as another."""

    label: str
    answer: str
    windows: int
    share: float  # of the label's windows


@dataclass(frozen=True)
class Strategy:
    """What one way to search has brought."""

    name: str
    trials: int
    best: Trial
    on_front: int  # of its trials, those that no smaller one equals
    chosen: bool


def card(facts: CardFacts) -> str:
    """The card as an HTML document."""
    pictures = {name: Markup(svg) for name, svg in plots.by_name(facts).items()}  # noqa: S704  (escaped by matplotlib)
    return _TEMPLATES.get_template("card.html").render(
        facts=facts,
        task=facts.task,
        test=facts.test,
        release=facts.release,
        pictures=pictures,
        created=facts.created.astimezone(UTC).strftime("%-d %B %Y, %H:%M UTC"),
        kb=facts.release.compiled.footprint.file_bytes / KB,
        window_s=facts.task.window / facts.task.rate_hz,
        hop_s=facts.task.hop / facts.task.rate_hz,
        mistakes=mistakes(facts),
        alarms=alarms(facts),
        chosen=_chosen(facts),
        front=front([trial for trial in facts.trials if trial.fits]),
        strategies=strategies(facts),
        families=list(zip(tradeoff.families(facts.trials), tradeoff.GLYPHS, strict=False)),
        family=family,
        expected=expected(facts),
        limits=limits(facts),
    )


def mistakes(facts: CardFacts) -> list[Mistake]:
    """The most frequent confusions on held-out data, the worst share of a class first."""
    found = []
    for row, label in zip(facts.test.confusion, facts.task.classes, strict=True):
        for windows, answer in zip(row, facts.task.classes, strict=True):
            if windows and answer != label:
                found.append(Mistake(label, answer, windows, windows / sum(row)))
    return sorted(found, key=lambda mistake: -mistake.share)[:WORST_SHOWN]


def alarms(facts: CardFacts) -> list[tuple[str, str]]:
    """Of a detector of anomalies: what it takes for one, what it misses, and the F1 of anomalies, as far as there are
    held-out windows to say so. Nothing for a classification.
    """
    if facts.task.kind != "anomaly":
        return []
    (quiet, false), (missed, found) = facts.test.confusion
    said = []
    if quiet + false:
        said.append(("False alarms", f"{percent(false / (quiet + false))} of {number(quiet + false)} normal windows"))
    if missed + found:
        said.append(("Missed", f"{percent(missed / (missed + found))} of {number(missed + found)} anomalies"))
        said.append(("F1 of anomalies", f"{2 * found / (2 * found + false + missed):.3f}"))
    return said


def strategies(facts: CardFacts) -> list[Strategy]:
    """What each way to search has brought, in the order in which they came up."""
    best = front([trial for trial in facts.trials if trial.fits])
    return [
        Strategy(
            name,
            len(some),
            max(some, key=lambda trial: (trial.fits, trial.validation_accuracy, -trial.footprint.file_bytes)),
            len([trial for trial in best if trial in some]),
            any(trial.number == facts.chosen for trial in some),
        )
        for name, some in by_strategy(facts.trials).items()
    ]


def expected(facts: CardFacts) -> list[tuple[str, str, str]]:
    """What was predicted before anything was trained, and what came of it: figure, predicted, measured."""
    if facts.predicted is None:
        return []
    before, after = facts.predicted.footprint, facts.release.compiled.footprint
    rows = [
        ("file, kB", tenth(before.file_bytes / KB), tenth(after.file_bytes / KB)),
        ("MACs a window", number(before.macs), number(after.macs)),
        ("parameters", number(before.parameters), number(after.parameters)),
        ("activations, kB", tenth(before.peak_activation_bytes / KB), tenth(after.peak_activation_bytes / KB)),
    ]
    if facts.predicted.latency_us is not None:
        rows.append(("one window, µs", tenth(facts.predicted.latency_us), tenth(facts.release.latency.p50_us)))
    return rows


def limits(facts: CardFacts) -> list[str]:
    """What this model has not been tested on, as far as the facts tell."""
    unseen = facts.held_out.groups - facts.held_out.seen
    said = [
        "Kinds of anomaly that the held-out part does not have: it has only learned what is normal."
        if facts.task.kind == "anomaly"
        else f"Anything that is none of its {len(facts.task.classes)} classes: it always answers with one of them.",
        "Moments in which one class changes to another: a window is examined only where all of it carries one label.",
        f"Sensors with other units, another rate than {number(facts.task.rate_hz)} Hz, or in another place.",
    ]
    if unseen:
        said.append(f"More than {unseen} people or devices it was not trained on; accuracy differs between them.")
    else:
        said.append("People or devices it was not trained on: all that are held out were in training too.")
    if len(facts.test.accuracy_by_group) > 1:
        name, share = min(facts.test.accuracy_by_group.items(), key=lambda item: item[1])
        said.append(f"Cases harder than its hardest: group {name}, where {percent(share)} of windows were right.")
    empty = [name for name, row in zip(facts.task.classes, facts.test.confusion, strict=True) if not sum(row)]
    if empty:
        said.append(f"Held-out data of {', '.join(empty)}: there was none.")
    said.append("The device itself: latency was measured on the machine that built it. A device reports its own.")
    return said


def _chosen(facts: CardFacts) -> Trial:
    return next(trial for trial in facts.trials if trial.number == facts.chosen)
