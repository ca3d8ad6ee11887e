"""Strong defaults first, then another searcher: a good answer early, whatever the task, and a good start for what
learns from it.

The idea of a portfolio that is asked first: Feurer et al., "Auto-sklearn 2.0", 2022.
"""

from collections.abc import Sequence

from factory.architectures import Architecture
from factory.search.searcher import Proposal, Searcher

NAME = "default"


class Portfolio:
    """Proposes `first` in order and at full effort, then what `then` proposes; tells `then` everything."""

    def __init__(self, first: Sequence[Architecture], then: Searcher) -> None:
        self._first = list(reversed(first))
        self._then = then

    def ask(self) -> Proposal:
        """The next default, or the other searcher's proposal."""
        return Proposal(self._first.pop(), NAME) if self._first else self._then.ask()

    def tell(self, proposal: Proposal, score: float) -> None:
        """Passed on."""
        self._then.tell(proposal, score)
