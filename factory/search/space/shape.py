"""What a task tells the space."""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

from factory.architectures import Triples

V = TypeVar("V")


@dataclass(frozen=True)
class Shape:
    """The windows that architectures of a space take, and how many classes they tell apart."""

    time: int  # samples
    channels: int
    classes: int
    triples: Triples = ()
    rate_hz: float = 50.0


def triples_of(channels: tuple[str, ...]) -> Triples:
    """Channels that are x, y and z of one sensor, by their names: equal but for one letter, such as ax ay az or acc_x
    acc_y acc_z.

    >>> triples_of(("ax", "ay", "az", "temperature"))
    ((0, 1, 2),)
    """
    names = [name.lower() for name in channels]
    triples = []
    for first, name in enumerate(names):
        for at in (i for i, letter in enumerate(name) if letter == "x"):
            others = [name[:at] + letter + name[at + 1 :] for letter in "yz"]
            if all(names.count(other) == 1 for other in (name, *others)):
                triples.append((first, names.index(others[0]), names.index(others[1])))
    return tuple(dict.fromkeys(triples))


def replace(value: V, **changes: object) -> V:
    """A frozen value with some fields changed."""
    return dataclasses.replace(value, **changes)  # type: ignore[type-var]


def step(options: tuple[int, ...], value: int, steps: int) -> int:
    """The option `steps` further than `value`, or the last one on the way."""
    at = min(range(len(options)), key=lambda index: abs(options[index] - value))
    return options[min(max(at + steps, 0), len(options) - 1)]
