"""Search: which architecture? `Study.run` asks a searcher, has its proposals evaluated by whoever calls it, and tells
it what came of them.

`searcher_for` makes the searcher of a space, `predict` says what an architecture costs before it is trained, `encode`
and `decode` write it down, `pareto` and `finalists` say which trials are worth going on with.
"""

from factory.search.controller import Controller
from factory.search.cost import KB, affordable, fits, predict, predict_latency_us
from factory.search.evolution import Evolution
from factory.search.halving import Halving
from factory.search.portfolio import Portfolio
from factory.search.random_search import RandomSearch
from factory.search.searcher import Proposal, Searcher
from factory.search.selection import best, finalists, pareto, score
from factory.search.sharing import Sharing
from factory.search.space import Space, decode, encode
from factory.search.study import Journal, Progress, Study, check_budget

__all__ = [
    "KB",
    "Controller",
    "Evolution",
    "Halving",
    "Journal",
    "Portfolio",
    "Progress",
    "Proposal",
    "RandomSearch",
    "Searcher",
    "Sharing",
    "Space",
    "Study",
    "affordable",
    "best",
    "check_budget",
    "decode",
    "encode",
    "finalists",
    "fits",
    "pareto",
    "predict",
    "predict_latency_us",
    "score",
    "searcher_for",
]

FEW_TRIALS = 16  # a count so small that it, not time, is what there is to save


def searcher_for(space: Space, seed: int) -> Searcher:
    """The searcher of `factory build`: strong defaults of all families first, each trained in full; then evolution,
    a controller and chance, by what they bring. If trials are many, what is new is trained briefly at first.
    """
    sharing = Sharing(
        {
            "evolution": Evolution(space, seed),
            "controller": Controller(space, seed + 1),
            "random": RandomSearch(space, seed + 2),
        }
    )
    most = space.budget.max_trials
    few = most is not None and most <= FEW_TRIALS
    return Portfolio(space.defaults(), sharing if few else Halving(sharing))
