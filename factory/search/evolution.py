"""Regularised evolution: the best of a few random members of the population has a mutated child; the oldest member
dies.

Real et al., "Regularized evolution for image classifier architecture search", 2019.

Rules
1. Every family has a population of its own, so that none dies out because another is ahead early.
2. Half of the time rivals come from all families: the family that does best has most children. Otherwise one family
   is drawn, and its members compete among themselves: what an ensemble needs is the best of each.
"""

import random
from collections import deque

from factory.architectures import Architecture
from factory.search.searcher import Proposal
from factory.search.space import FAMILY, Space, at_random, family_of, replay

NAME = "evolution"
POPULATION = 16  # members of a family
TOURNAMENT = 5
WARM_UP = 4  # members of every family before the first child
AMONG_THEMSELVES = 0.5  # probability that one family competes alone
LEAP = 0.3  # probability that a child takes one more mutation, again and again
MOST_MUTATIONS = 6


class Evolution:
    """See the head of this file."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._rng = random.Random(seed)  # noqa: S311  (a search, not a secret)
        self._members: dict[str, deque[tuple[float, Architecture]]] = {}

    def ask(self) -> Proposal:
        """A child of a good member; random draws until there are enough members of every family."""
        lacking = [each for each in self._space.open_families if len(self._members.get(each, ())) < WARM_UP]
        if lacking:
            family = self._rng.choice(lacking)
            return Proposal(self._space.sample(replay({FAMILY: family}, at_random(self._rng))), NAME)
        everyone = [member for members in self._members.values() for member in members]
        if self._rng.random() < AMONG_THEMSELVES:
            everyone = list(self._members[self._rng.choice(list(self._members))])
        rivals = self._rng.sample(everyone, min(TOURNAMENT, len(everyone)))
        return Proposal(self._child(max(rivals, key=lambda member: member[0])[1]), NAME)

    def tell(self, proposal: Proposal, score: float) -> None:
        """A new member, in whose favour the oldest of its family dies."""
        members = self._members.setdefault(family_of(proposal.architecture), deque(maxlen=POPULATION))
        members.append((score, proposal.architecture))

    def _child(self, parent: Architecture) -> Architecture:
        child = self._space.mutate(parent, self._rng)
        for _ in range(MOST_MUTATIONS):
            if child != parent and self._rng.random() >= LEAP:
                break
            child = self._space.mutate(child, self._rng)
        return child
