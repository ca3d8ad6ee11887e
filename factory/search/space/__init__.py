"""The space of architectures for one task: draw a point, change a point a little, make a point cheaper, write it down.

Rules
1. Every point is valid, and within the budget: what a walk comes to is made cheaper until it is affordable. First its
   front end, if that takes more than its share; then the rest.
2. Families whose cheapest point is over the budget are not offered. Where that is true of all, all are, and the study
   refuses the budget.
3. A change is another answer to one question, asked of all parts of an architecture equally often; what is asked
   because of it is answered at random. The family seldom changes.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from factory.architectures import Architecture, FrontEnd
from factory.artifacts import Budget, Task
from factory.search.cost import affordable, predict
from factory.search.space import convnet, kernels, trees
from factory.search.space import front as fronts
from factory.search.space.choices import Choose, Decision, Recorder, V, Value, another, at_random, replay
from factory.search.space.shape import Shape, replace, triples_of
from factory.search.space.writing import FAMILY, decode, encode, family_of

__all__ = [
    "FAMILIES",
    "FAMILY",
    "Choose",
    "Decision",
    "Space",
    "at_random",
    "decode",
    "encode",
    "family_of",
    "replay",
    "triples_of",
]


class Shrink(Protocol):
    """How a family makes a point cheaper."""

    def __call__(self, shape: Shape, point: Any, *, faster: bool) -> Architecture:
        """A cheaper point: in multiplications, if `faster`, or else in bytes."""


@dataclass(frozen=True)
class Family:
    """The space of one family: its file says what each of these does."""

    sample: Callable[[Shape, Choose], Architecture]
    values: Callable[[Any], Mapping[str, Value]]
    shrink: Shrink
    floor: Callable[[Shape, FrontEnd], Architecture]
    defaults: Callable[[Shape], Sequence[Architecture]]


SPACES = {
    "convnet": Family(convnet.sample, convnet.values, convnet.shrink, convnet.floor, convnet.defaults),
    "kernels": Family(kernels.sample, kernels.values, kernels.shrink, kernels.floor, kernels.defaults),
    "trees": Family(trees.sample, trees.values, trees.shrink, trees.floor, trees.defaults),
}
FAMILIES = tuple(SPACES)
MOVING = 0.04  # probability that a change is one of family
MOST_CHANGES = 5  # that are tried for one that the budget affords without making anything else cheaper
BODY_SHARE = 0.5  # of the MACs that a front end leaves to what stands behind it, as long as that can be
UNLIMITED = Budget()


@dataclass(frozen=True)
class Space(Shape):
    """See the head of this file."""

    budget: Budget = UNLIMITED
    families: tuple[str, ...] = FAMILIES

    @classmethod
    def of(cls, task: Task, budget: Budget = UNLIMITED) -> "Space":
        """The space for windows of this task, on a device that can afford `budget`."""
        triples = triples_of(task.channels)
        return cls(task.window, len(task.channels), len(task.classes), triples, task.rate_hz, budget)

    @cached_property
    def open_families(self) -> tuple[str, ...]:
        """The families that are offered (rule 2)."""
        affordable_ones = tuple(f for f in self.families if affordable(self.floor(f), self.budget))
        return affordable_ones or self.families

    def sample(self, choose: Choose) -> Architecture:
        """The point that `choose` walks to."""
        return self.fit(self._walk(choose))

    def mutate(self, architecture: Architecture, rng: random.Random) -> Architecture:
        """One random change (rule 3), which may turn out to be none where the budget undoes it."""
        decisions = self.decisions(architecture)
        for _ in range(MOST_CHANGES):
            child = self._changed(decisions, rng)
            if affordable(child, self.budget):
                return child
        return self.fit(child)

    def decisions(self, architecture: Architecture) -> tuple[Decision, ...]:
        """The questions and answers that lead to a point, or close to it if it lies beside the paths of `sample`."""
        recorder = Recorder(replay(self._values(architecture), _first))
        self._walk(recorder)
        return tuple(each for each in recorder.decisions if len(each.options) > 1)

    def fit(self, architecture: Architecture) -> Architecture:
        """The point itself, or a cheaper one that the budget can afford (rule 1)."""
        architecture = self._with_lean_front(architecture)
        floor = self.floor(family_of(architecture))
        while not affordable(architecture, self.budget) and architecture != floor:
            most = self.budget.max_macs
            slow = most is not None and predict(architecture)["fp32"].macs > most
            architecture = self.shrink(architecture, faster=slow)
        return architecture

    def shrink(self, architecture: Architecture, *, faster: bool) -> Architecture:
        """A cheaper point of the same family, in MACs or else in bytes; its floor stays as it is."""
        return SPACES[family_of(architecture)].shrink(self, architecture, faster=faster)

    def floor(self, family: str, front: FrontEnd | None = None) -> Architecture:
        """The cheapest point of a family, behind a given front end or none."""
        return SPACES[family].floor(self, FrontEnd() if front is None else front)

    def defaults(self) -> list[Architecture]:
        """Strong points to begin with that the budget can afford: the best guesses of all families in turn."""
        each = [[self.fit(point) for point in SPACES[family].defaults(self)] for family in self.open_families]
        longest = max(len(points) for points in each)
        in_turn = [points[place] for place in range(longest) for points in each if place < len(points)]
        return list(dict.fromkeys(in_turn))

    def _changed(self, decisions: Sequence[Decision], rng: random.Random) -> Architecture:
        """One decision changed (rule 3), whatever that costs."""
        if len(self.open_families) > 1 and rng.random() < MOVING:
            decision = next(each for each in decisions if each.name == FAMILY)
        else:
            part = rng.choice(sorted({each.part for each in decisions if each.part}))
            decision = rng.choice([each for each in decisions if each.part == part])
        values = {each.name: each.value for each in decisions} | {decision.name: another(decision, rng)}
        return self._walk(replay(values, at_random(rng)))

    def _with_lean_front(self, architecture: Architecture) -> Architecture:
        """The point behind a front end that leaves `BODY_SHARE` of the MACs to it (rule 1)."""
        family, front, budget = family_of(architecture), architecture.front, self.budget
        if budget.max_macs is not None:
            budget = replace(budget, max_macs=round(budget.max_macs * (1 - BODY_SHARE)))
        while not affordable(self.floor(family, front), budget) and front != FrontEnd():
            front = fronts.cheaper(front)
        if front == architecture.front:
            return architecture
        values = {**self._values(architecture), **fronts.values(front)}
        return replace(self._walk(replay(values, _first)), front=front)

    def _walk(self, choose: Choose) -> Architecture:
        return SPACES[choose(FAMILY, self.open_families)].sample(self, choose)

    def _values(self, architecture: Architecture) -> Mapping[str, Value]:
        family = family_of(architecture)
        return {FAMILY: family, **SPACES[family].values(architecture)}


def _first(name: str, options: Sequence[V]) -> V:  # noqa: ARG001  (whatever is decided)
    return options[0]
