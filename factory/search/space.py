"""The space of architectures for one task: draw a point, change a point a little, make a point cheaper, write it down.

Rules
1. Every point is valid: shapes always work out, because padding keeps the length and strides round up.
2. Strides adapt: a draw aims at `AIM` samples after the last block, whatever the length of the window.
3. `shrink` walks from any point, in few steps, down to the cheapest point, `floor`.
"""

import dataclasses
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from factory.artifacts import Architecture, Block, FrontEnd, Head, Task
from factory.errors import BadInput

WIDTHS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
DRAWN_WIDTHS = WIDTHS[2:8]
KERNELS = (3, 5, 7, 9, 11)
STRIDES = (1, 2, 4, 8)
SMOOTHING = (0, 5, 9, 17, 33)
DROPOUT = (0.0, 0.1, 0.2, 0.3)
MOST_BLOCKS = 4
EVEN, OFTEN = 0.5, 0.8  # probabilities that a draw has a feature; statistics are nearly free, so drawn often
AIM = 12  # samples

V = TypeVar("V")


@dataclass(frozen=True)
class Space:
    """See the head of this file."""

    time: int
    channels: int
    classes: int
    triples: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, task: Task) -> "Space":
        """The space for windows of this task."""
        return cls(task.window, len(task.channels), len(task.classes), triples_of(task.channels))

    def architecture(self, front: FrontEnd, blocks: tuple[Block, ...], head: Head) -> Architecture:
        """A point of this space."""
        return Architecture(self.time, self.channels, self.classes, self.triples, front, blocks, head)

    def sample(self, rng: random.Random) -> Architecture:
        """A random point."""
        depth = rng.randint(1, MOST_BLOCKS)
        width = rng.choice(DRAWN_WIDTHS)
        blocks: list[Block] = []
        for stride in self.strides(depth):
            separable = bool(blocks) and rng.random() < EVEN
            blocks.append(Block(width, rng.choice(KERNELS), stride, separable))
            width = _near(WIDTHS, width, rng.choice((0, 0, 1, 1, 2)))
        front = FrontEnd(bool(self.triples) and rng.random() < EVEN, rng.random() < EVEN, self._smoothing(rng))
        head = Head(rng.random() < EVEN, rng.random() < OFTEN, rng.choice(DROPOUT))
        return self.architecture(front, tuple(blocks), head)

    def strides(self, depth: int) -> tuple[int, ...]:
        """Strides of `depth` blocks that bring a window to about `AIM` samples, the largest first (rule 2)."""
        left = max(0, round(math.log2(max(self.time, 1) / AIM)))
        powers = []
        for remaining in range(depth, 0, -1):
            power = min(-(-left // remaining), len(STRIDES) - 1)
            powers.append(power)
            left -= power
        return tuple(2**power for power in powers)

    def mutate(self, architecture: Architecture, rng: random.Random) -> Architecture:
        """One random change, which may turn out to be none."""
        change = rng.choice(
            (
                self._mutate_block,
                self._mutate_block,
                self._mutate_block,
                self._mutate_depth,
                self._mutate_front,
                self._mutate_head,
            )
        )
        return change(architecture, rng)

    def shrink(self, architecture: Architecture) -> Architecture:
        """A cheaper point: narrower, then shorter, then shallower; `floor` stays as it is (rule 3)."""
        blocks = architecture.blocks
        if any(block.width > WIDTHS[0] for block in blocks):
            widest = max(block.width for block in blocks)
            narrower = tuple(
                replace(b, width=_near(WIDTHS, b.width, -1)) if 2 * b.width > widest else b for b in blocks
            )
            return replace(architecture, blocks=narrower)
        if any(block.stride < STRIDES[-1] for block in blocks[:1]):
            return replace(
                architecture, blocks=(replace(blocks[0], stride=_near(STRIDES, blocks[0].stride, 1)), *blocks[1:])
            )
        if len(blocks) > 1:
            return replace(architecture, blocks=blocks[:-1])
        return self.floor()

    def floor(self) -> Architecture:
        """The cheapest point, in bytes and in MACs."""
        block = Block(WIDTHS[0], KERNELS[0], STRIDES[-1], separable=False, residual=False)
        return self.architecture(FrontEnd(), (block,), Head(statistics=False))

    def _smoothing(self, rng: random.Random) -> int:
        allowed = [length for length in SMOOTHING if 2 * length <= self.time]
        return rng.choice(allowed) if rng.random() < EVEN else 0

    def _mutate_block(self, architecture: Architecture, rng: random.Random) -> Architecture:
        index = rng.randrange(len(architecture.blocks))
        block = architecture.blocks[index]
        step = rng.choice((-1, 1))
        changed = rng.choice(
            (
                replace(block, width=_near(WIDTHS, block.width, step)),
                replace(block, kernel=_near(KERNELS, block.kernel, step)),
                replace(block, stride=_near(STRIDES, block.stride, step)),
                replace(block, separable=not block.separable),
                replace(block, residual=not block.residual),
            )
        )
        return replace(architecture, blocks=(*architecture.blocks[:index], changed, *architecture.blocks[index + 1 :]))

    def _mutate_depth(self, architecture: Architecture, rng: random.Random) -> Architecture:
        blocks = architecture.blocks
        if len(blocks) > 1 and (len(blocks) == MOST_BLOCKS or rng.random() < EVEN):
            return replace(architecture, blocks=blocks[:-1])
        return replace(architecture, blocks=(*blocks, Block(blocks[-1].width, 3)))

    def _mutate_front(self, architecture: Architecture, rng: random.Random) -> Architecture:
        front = architecture.front
        choices = [replace(front, differences=not front.differences), replace(front, smoothing=self._smoothing(rng))]
        if self.triples:
            choices.append(replace(front, magnitudes=not front.magnitudes))
        return replace(architecture, front=rng.choice(choices))

    def _mutate_head(self, architecture: Architecture, rng: random.Random) -> Architecture:
        head = architecture.head
        changed = rng.choice(
            (
                replace(head, deviation=not head.deviation),
                replace(head, statistics=not head.statistics),
                replace(head, dropout=rng.choice(DROPOUT)),
            )
        )
        return replace(architecture, head=changed)


def triples_of(channels: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
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


def encode(architecture: Architecture) -> dict[str, Any]:
    """An architecture as JSON values."""
    encoded: dict[str, Any] = msgspec.to_builtins(architecture)
    return encoded


def decode(encoded: Mapping[str, object]) -> Architecture:
    """The architecture that `encode` wrote.

    Raises:
        BadInput: it is none; the text names the field.
    """
    try:
        return msgspec.convert(encoded, Architecture)
    except msgspec.ValidationError as error:
        raise BadInput("architecture", str(error), "Use an architecture as `factory build` writes it") from error


def replace(value: V, **changes: object) -> V:
    """A frozen value with some fields changed."""
    return dataclasses.replace(value, **changes)  # type: ignore[type-var]


def _near(choices: tuple[int, ...], value: int, steps: int) -> int:
    """The choice `steps` further than `value`, or the last one on the way."""
    at = min(range(len(choices)), key=lambda index: abs(choices[index] - value))
    return choices[min(max(at + steps, 0), len(choices) - 1)]
