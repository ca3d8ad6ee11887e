import random
from collections.abc import Callable

import pytest

from factory.artifacts import Architecture
from factory.search import Portfolio, Searcher, Space, defaults, searcher_for
from factory.search.evolution import Evolution
from factory.search.random_search import RandomSearch
from tests.contracts.searcher import SearcherContract
from tests.support.models import spaces

BUDGET = 200


class TestRandomSearch(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return RandomSearch(space, seed)


class TestEvolution(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return Evolution(space, seed)


class TestPortfolio(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return searcher_for(space, seed)


def quality(architecture: Architecture) -> float:
    """One summit: three separable blocks of width 32 and kernel 7, with statistics, without smoothing."""
    blocks = architecture.blocks
    shape = sum(abs(block.width - 32) / 32 + abs(block.kernel - 7) / 4 + (not block.separable) for block in blocks)
    return (
        -shape / len(blocks)
        - abs(len(blocks) - 3)
        - (not architecture.head.statistics)
        - architecture.front.smoothing / 9
    )


def searched(make: Callable[[Space, int], Searcher], seed: int) -> float:
    """The best quality after `BUDGET` proposals."""
    searcher = make(spaces()[2], seed)
    best = float("-inf")
    for _ in range(BUDGET):
        proposal = searcher.ask()
        best = max(best, quality(proposal))
        searcher.tell(proposal, quality(proposal))
    return best


def test_evolution_climbs_higher_than_random_search() -> None:
    seeds = range(5)
    assert sum(searched(Evolution, s) for s in seeds) > sum(searched(RandomSearch, s) for s in seeds)


def test_evolution_forgets_its_oldest_members() -> None:
    """A member that was lucky once does not breed for ever."""
    space = spaces()[2]
    evolution, rng = Evolution(space, 0), random.Random(0)
    lucky = space.sample(rng)
    evolution.tell(lucky, 1.0)
    for _ in range(30):
        evolution.tell(space.floor(), 0.0)
    children = [evolution.ask() for _ in range(50)]
    assert not any(child.blocks == lucky.blocks for child in children)


def test_portfolio_asks_its_defaults_first_in_order() -> None:
    space = spaces()[3]
    portfolio = Portfolio(defaults(space), RandomSearch(space, 0))
    assert [portfolio.ask() for _ in defaults(space)] == defaults(space)
    assert portfolio.ask() == RandomSearch(space, 0).ask()


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_defaults_are_different_from_one_another(space: Space) -> None:
    assert len({str(default) for default in defaults(space)}) == len(defaults(space))
