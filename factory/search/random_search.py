"""Random search: the reference every other searcher has to beat (Bergstra and Bengio, 2012)."""

import random

from factory.artifacts import Architecture
from factory.search.space import Space


class RandomSearch:
    """Independent draws from the space."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._rng = random.Random(seed)  # noqa: S311  (a search, not a secret)

    def ask(self) -> Architecture:
        """A fresh draw."""
        return self._space.sample(self._rng)

    def tell(self, architecture: Architecture, score: float) -> None:
        """Random search does not learn."""
