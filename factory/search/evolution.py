"""Regularised evolution: the best of a few random members of the population has a mutated child; the oldest member
dies.

Real et al., "Regularized evolution for image classifier architecture search", 2019.
"""

import random
from collections import deque

from factory.artifacts import Architecture
from factory.search.space import Space

POPULATION = 16
TOURNAMENT = 5
WARM_UP = 6  # members before the first child
LEAP = 0.3  # probability that a child takes one more mutation, again and again


class Evolution:
    """See the head of this file."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._rng = random.Random(seed)  # noqa: S311  (a search, not a secret)
        self._population: deque[tuple[float, Architecture]] = deque(maxlen=POPULATION)

    def ask(self) -> Architecture:
        """A child of a good member; random draws until there are enough members."""
        if len(self._population) < WARM_UP:
            return self._space.sample(self._rng)
        rivals = self._rng.sample(list(self._population), min(TOURNAMENT, len(self._population)))
        parent = max(rivals, key=lambda member: member[0])[1]
        child = self._space.mutate(parent, self._rng)
        while child == parent or self._rng.random() < LEAP:
            child = self._space.mutate(child, self._rng)
        return child

    def tell(self, architecture: Architecture, score: float) -> None:
        """A new member, in whose favour the oldest dies."""
        self._population.append((score, architecture))
