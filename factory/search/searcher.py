"""The seam between the study and whatever proposes architectures."""

from typing import Protocol

from factory.artifacts import Architecture


class Searcher(Protocol):
    """Proposes architectures and learns from scores.

    Rules
    1. The same seed and the same sequence of calls give the same proposals.
    2. `ask` may be called any number of times before the next `tell`, and always proposes.
    3. `tell` takes any architecture of the space, asked for or not: a study makes proposals smaller to meet a budget.
    """

    def ask(self) -> Architecture:
        """An architecture to try next."""

    def tell(self, architecture: Architecture, score: float) -> None:
        """What came of one; higher is better."""
