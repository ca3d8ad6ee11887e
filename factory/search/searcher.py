"""The seam between the study and whatever proposes architectures."""

from dataclasses import dataclass
from typing import Protocol

from factory.architectures import Architecture


@dataclass(frozen=True)
class Proposal:
    """What to try next."""

    architecture: Architecture
    strategy: str  # whose idea it was
    effort: float = 1.0  # share of a whole trial's training, above 0

    def __post_init__(self) -> None:
        if not 0 < self.effort <= 1:
            raise ValueError(f"effort is {self.effort}; it is a share of a whole trial")


class Searcher(Protocol):
    """Proposes architectures and learns from scores.

    Rules
    1. The same seed and the same sequence of calls give the same proposals.
    2. `ask` may be called any number of times before the next `tell`, and always proposes a point of the space, within
       the budget.
    3. `tell` takes any point of the space, asked for or not: strategies learn from one another, and a study skips what
       it has evaluated before.
    """

    def ask(self) -> Proposal:
        """What to try next."""

    def tell(self, proposal: Proposal, score: float) -> None:
        """What came of one; higher is better."""
