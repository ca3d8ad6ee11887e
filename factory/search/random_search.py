"""Random search: the reference every other searcher has to beat (Bergstra and Bengio, 2012)."""

import random

from factory.search.searcher import Proposal
from factory.search.space import Space, at_random

NAME = "random"


class RandomSearch:
    """Independent draws from the space."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._choose = at_random(random.Random(seed))  # noqa: S311  (a search, not a secret)

    def ask(self) -> Proposal:
        """A fresh draw."""
        return Proposal(self._space.sample(self._choose), NAME)

    def tell(self, proposal: Proposal, score: float) -> None:
        """Random search does not learn."""
