"""What a model card is made of, and how it says numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from factory.artifacts import PARTS, Budget, Dataset, Evidence, Footprint, Precision, Task, Trial, Variant

KB = 1000  # bytes


@dataclass(frozen=True)
class PartCount:
    """How much of the data is in one part."""

    part: str
    windows: int
    groups: int
    seen: int  # of these groups, those that are in an earlier part too; the final training may take in validation
    by_class: tuple[int, ...]  # windows, in the order of the task's classes


@dataclass(frozen=True)
class Prediction:
    """What the released model was expected to cost, before it was trained or compiled."""

    footprint: Footprint
    latency_us: float | None = None  # of one window, where the search has foreseen it


@dataclass(frozen=True)
class CardFacts:
    """Everything a card tells. `chosen` is the number of the trial that was trained longer and released."""

    name: str
    task: Task
    source: str  # the data, as a person would call it
    parts: tuple[PartCount, ...]
    budget: Budget
    seed: int
    trials: tuple[Trial, ...]
    chosen: int
    variants: tuple[Variant, ...]
    released: Precision  # which of the variants
    why: str  # the released one was chosen, in a sentence or two
    test: Evidence
    digests: Mapping[str, str]  # of data, model and what else identifies them: SHA-256 by name
    created: datetime
    predicted: Prediction | None = None
    notes: tuple[str, ...] = ()  # what was decided about the data without being asked

    def __post_init__(self) -> None:
        if self.chosen not in {trial.number for trial in self.trials}:
            raise ValueError(f"trial {self.chosen} was chosen, but is not among the trials")
        if self.released not in {variant.compiled.precision for variant in self.variants}:
            raise ValueError(f"{self.released} was released, but is not among the variants")

    @property
    def release(self) -> Variant:
        """The variant that was released."""
        return next(variant for variant in self.variants if variant.compiled.precision == self.released)

    @property
    def held_out(self) -> PartCount:
        """The part that the model is examined on."""
        return next(part for part in self.parts if part.part == self.test.part)


def count_parts(dataset: Dataset) -> tuple[PartCount, ...]:
    """The windows and groups of each part."""
    counts = []
    for name, value in PARTS.items():
        part = dataset.only(value)
        groups, earlier = set(part.group.tolist()), set(dataset.group[dataset.part < value].tolist())
        by_class = np.bincount(part.y, minlength=len(dataset.task.classes)).tolist()
        counts.append(PartCount(name, len(part.y), len(groups), len(groups & earlier), tuple(by_class)))
    return tuple(counts)


def percent(share: float) -> str:
    """A share as a person reads it, to a tenth of a percent."""
    return f"{100 * share:.1f} %"


def tenth(value: float) -> str:
    """Kilobytes and microseconds, to a tenth."""
    return f"{value:,.1f}".replace(",", "\u2009")


def number(value: float) -> str:
    """Three digits that count, thousands set apart by a thin space: 1 234 567, 45.6, 0.00123."""
    if value == round(value) or abs(value) >= KB:
        return f"{value:,.0f}".replace(",", "\u2009")
    return f"{value:.3g}"


def amount(value: float) -> str:
    """A large count in short: 950, 38 k, 1.24 M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}\u2009{letter}"
    return number(value)
