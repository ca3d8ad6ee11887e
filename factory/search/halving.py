"""Asynchronous successive halving: architectures are first trained for a part of a whole trial; the best share of them
is trained in full.

Li et al., "A system for massively parallel hyperparameter tuning" (ASHA), 2020.

Rules
1. What the other searcher proposes is tried at the least effort, unless its family does not learn by gradient: then
   there is nothing to save.
2. Before anything new is asked for, whoever is among the best `PROMOTED` share at an effort is tried at the next.
3. An architecture that was tried at full effort is not tried at less.
4. The other searcher hears of all scores as if at full effort: to a score of less effort is added what promotion has
   brought on average.
"""

from dataclasses import replace
from itertools import pairwise

from factory.architectures import Architecture, Convnet
from factory.search.searcher import Proposal, Searcher

EFFORTS = (0.25, 1.0)
PROMOTED = 1 / 3  # of those at one effort
MOST_ASKS = 5  # for a proposal that rule 3 allows


class Halving:
    """See the head of this file."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._scores: dict[float, dict[Architecture, float]] = {effort: {} for effort in EFFORTS}
        self._strategy: dict[Architecture, str] = {}
        self._asked: dict[float, set[Architecture]] = {effort: set() for effort in EFFORTS}

    def ask(self) -> Proposal:
        """A promotion, or something new."""
        for effort, following in reversed(list(pairwise(EFFORTS))):
            architecture = self._promotable(effort, following)
            if architecture is not None:
                self._asked[following].add(architecture)
                return Proposal(architecture, self._strategy[architecture], following)
        return self._new()

    def tell(self, proposal: Proposal, score: float) -> None:
        """Remembered here, and passed on (rule 4)."""
        self._strategy.setdefault(proposal.architecture, proposal.strategy)
        self._asked.setdefault(proposal.effort, set()).add(proposal.architecture)
        self._scores.setdefault(proposal.effort, {})[proposal.architecture] = score
        self._searcher.tell(proposal, score + self._gain(proposal.effort))

    def _new(self) -> Proposal:
        for _ in range(MOST_ASKS):
            proposal = self._searcher.ask()
            if proposal.architecture not in self._asked[EFFORTS[-1]]:
                break
        return replace(proposal, effort=EFFORTS[0]) if isinstance(proposal.architecture, Convnet) else proposal

    def _promotable(self, effort: float, following: float) -> Architecture | None:
        """The best of an effort that is due for the next (rule 2); of equals the one told first."""
        scores = self._scores[effort]
        ranked = sorted(scores, key=lambda architecture: -scores[architecture])
        best = ranked[: int(len(ranked) * PROMOTED)]
        return next((each for each in best if each not in self._asked[following]), None)

    def _gain(self, effort: float) -> float:
        """What full effort has added to scores of less, on average (rule 4)."""
        full, part = self._scores[EFFORTS[-1]], self._scores[effort]
        both = [full[architecture] - part[architecture] for architecture in part if architecture in full]
        return sum(both) / len(both) if both else 0.0
