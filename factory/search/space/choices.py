"""Define by run: a space is a function that is asked nothing but to choose, again and again, one of some options.

Who answers decides what the walk is good for: a random generator draws a point, a policy draws what it has learned to
like, an Optuna trial suggests, and the values of a known point find it again (`replay`).

Rules
1. A name has the same options wherever it comes up in one space, so that what is learned of it stays true.
2. Options are text, numbers or truth values, in their order where they have one, without repetition.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

Value = str | int | float
V = TypeVar("V", bound=Value)

NEIGHBOUR = 0.7  # probability that a number changes by one step only


class Choose(Protocol):
    """Who answers."""

    def __call__(self, name: str, options: Sequence[V]) -> V:
        """One of the options (rules 1 and 2)."""


@dataclass(frozen=True)
class Decision:
    """One answer that was given."""

    name: str
    options: tuple[Value, ...]
    value: Value

    @property
    def index(self) -> int:
        """Which of the options it is."""
        return self.options.index(self.value)

    @property
    def part(self) -> str:
        """What it belongs to: "convnet.2" of "convnet.2.kernel"."""
        return self.name.rpartition(".")[0]


def at_random(rng: random.Random) -> Choose:
    """Every option is equally likely."""

    def choose(name: str, options: Sequence[V]) -> V:  # noqa: ARG001  (chance does not care what it decides)
        return rng.choice(options)

    return choose


def replay(values: Mapping[str, Value], otherwise: Choose) -> Choose:
    """The known values, or of numbers the nearest option; what is not known is chosen by `otherwise`."""

    def choose(name: str, options: Sequence[V]) -> V:
        if name not in values:
            return otherwise(name, options)
        return nearest(options, values[name])

    return choose


def nearest(options: Sequence[V], value: Value) -> V:
    """The option that is `value`, or of numbers the nearest, or else the first."""
    if value in options:
        return next(option for option in options if option == value)
    if isinstance(value, str):
        return options[0]
    wanted = value
    return min(options, key=lambda option: 0.0 if isinstance(option, str) else abs(option - wanted))


class Recorder:
    """Passes questions on, and remembers the answers."""

    def __init__(self, chooser: Choose) -> None:
        self._chooser = chooser
        self.decisions: list[Decision] = []

    def __call__(self, name: str, options: Sequence[V]) -> V:
        """The answer of whoever is asked."""
        value = self._chooser(name, options)
        self.decisions.append(Decision(name, tuple(options), value))
        return value


def another(decision: Decision, rng: random.Random) -> Value:
    """Another option: of numbers mostly a neighbour."""
    at, options = decision.index, decision.options
    ordered = not isinstance(options[0], str | bool)
    if ordered and rng.random() < NEIGHBOUR:
        return rng.choice(options[max(at - 1, 0) : at] + options[at + 1 : at + 2])
    return rng.choice(options[:at] + options[at + 1 :])
