"""Several strategies share the trials by what they bring.

An upper confidence bound on what a strategy brings: Auer et al., "Finite-time analysis of the multiarmed bandit
problem", 2002; discounted as in Garivier and Moulines, 2011, because what a strategy brings changes as it learns.

Rules
1. What a trial brings is its rank: the share of all scores so far that it beats, squared, so that one that is among the
   best counts for more than several that are better than the middle.
2. Every strategy is told everything, whoever proposed it.
3. Trials that are asked for and not yet told count as asked, so that not all of them go to the same strategy.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Mapping

from factory.search.searcher import Proposal, Searcher

MEMORY = 0.95  # decay of what was brought, a trial of the same strategy
CURIOSITY = 0.3  # weight of the confidence bound


class Sharing:
    """See the head of this file."""

    def __init__(self, strategies: Mapping[str, Searcher]) -> None:
        self._strategies = strategies
        self._asked = dict.fromkeys(strategies, 0)
        self._weight = dict.fromkeys(strategies, 0.0)
        self._brought = dict.fromkeys(strategies, 0.0)
        self._scores: list[float] = []

    def ask(self) -> Proposal:
        """A proposal of the strategy whose turn it is; of equals the first."""
        name = max(self._strategies, key=self._promise)
        self._asked[name] += 1
        return self._strategies[name].ask()

    def tell(self, proposal: Proposal, score: float) -> None:
        """Told to all (rule 2); the one whose idea it was is credited."""
        if proposal.strategy in self._strategies:
            self._credit(proposal.strategy, score)
        insort(self._scores, score)
        for strategy in self._strategies.values():
            strategy.tell(proposal, score)

    def _credit(self, name: str, score: float) -> None:
        rank = bisect_left(self._scores, score) / len(self._scores) if self._scores else 0.5
        self._weight[name] = MEMORY * self._weight[name] + 1
        self._brought[name] = MEMORY * self._brought[name] + rank**2

    def _promise(self, name: str) -> float:
        """The upper confidence bound (rules 1 and 3)."""
        asked = self._asked[name]
        if not asked:
            return math.inf
        mean = self._brought[name] / self._weight[name] if self._weight[name] else 0.5
        return mean + CURIOSITY * math.sqrt(math.log(1 + sum(self._asked.values())) / asked)
