"""Search: which architecture? `Study.run` asks a searcher, has its proposals evaluated by whoever calls it, and tells
it what came of them.

`searcher_for` makes the searcher of a space, `predict` says what an architecture costs before it is trained, `encode`
and `decode` write it down.
"""

from factory.search.cost import KB, affordable, fits, predict
from factory.search.evolution import Evolution
from factory.search.portfolio import Portfolio, defaults
from factory.search.searcher import Searcher
from factory.search.space import Space, decode, encode
from factory.search.study import Journal, Progress, Study, best, check_budget, score

__all__ = [
    "KB",
    "Journal",
    "Portfolio",
    "Progress",
    "Searcher",
    "Space",
    "Study",
    "affordable",
    "best",
    "check_budget",
    "decode",
    "defaults",
    "encode",
    "fits",
    "predict",
    "score",
    "searcher_for",
]


def searcher_for(space: Space, seed: int) -> Searcher:
    """The searcher of `factory build`: strong defaults first, then regularised evolution from them."""
    return Portfolio(defaults(space), Evolution(space, seed))
