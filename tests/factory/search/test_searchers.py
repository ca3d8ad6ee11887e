"""Every searcher against the contract, and what sets each apart: that they learn, share, save."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from factory.architectures import Convnet
from factory.artifacts import Budget
from factory.search import (
    Controller,
    Evolution,
    Halving,
    Portfolio,
    Proposal,
    RandomSearch,
    Searcher,
    Sharing,
    Space,
    searcher_for,
)
from factory.search.halving import EFFORTS
from tests.contracts.searcher import SearcherContract
from tests.support.landscape import searched
from tests.support.models import drawn, spaces

SPACE = spaces()[2]
NETWORKS = replace(SPACE, families=("convnet",))


class TestRandomSearch(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return RandomSearch(space, seed)


class TestEvolution(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return Evolution(space, seed)


class TestController(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return Controller(space, seed)


class TestSharing(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return Sharing({"evolution": Evolution(space, seed), "random": RandomSearch(space, seed)})


class TestHalving(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return Halving(RandomSearch(space, seed))


class TestPortfolio(SearcherContract):
    def make(self, space: Space, seed: int) -> Searcher:
        return searcher_for(space, seed)


LEARNERS: dict[str, Callable[[Space, int], Searcher]] = {
    "evolution": Evolution,
    "controller": Controller,
    "all of them": lambda space, seed: Sharing(
        {
            "evolution": Evolution(space, seed),
            "controller": Controller(space, seed),
            "random": RandomSearch(space, seed),
        }
    ),
}


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS.keys())
def test_what_learns_finds_better_architectures_than_chance(make: Callable[[Space, int], Searcher]) -> None:
    seeds = range(10)
    learned = sum(searched(make(SPACE, seed), seed) for seed in seeds)
    assert learned > sum(searched(RandomSearch(SPACE, seed), seed) for seed in seeds)


def test_evolution_forgets_its_oldest_members() -> None:
    """A member that was lucky once does not breed for ever."""
    evolution = Evolution(SPACE, 0)
    lucky, poor = drawn(SPACE, 0), drawn(SPACE, 1)
    evolution.tell(Proposal(lucky, "another"), 1.0)
    for _ in range(30):
        evolution.tell(Proposal(poor, "another"), 0.0)
    children = [evolution.ask().architecture for _ in range(50)]
    assert not any(isinstance(child, Convnet) and child.blocks == lucky.blocks for child in children)


def test_the_controller_makes_likelier_what_did_well() -> None:
    controller = Controller(NETWORKS, 0)
    for _ in range(60):
        proposal = controller.ask()
        assert isinstance(proposal.architecture, Convnet)
        controller.tell(proposal, float(len(proposal.architecture.blocks) == 4))
    depth = controller.policy("convnet.body.depth", 4)
    assert depth[3] > 0.5
    assert depth.min() > 0


def test_the_controller_learns_nothing_from_anothers_failure() -> None:
    controller = Controller(SPACE, 0)
    for score in (0.9, 0.1, 0.1):
        controller.tell(Proposal(drawn(SPACE, 0), "another"), score)
    assert controller.policy("convnet.body.depth", 4).tolist() == [0.25] * 4


def test_who_brings_more_is_asked_more() -> None:
    sharing = Sharing({"good": Named("good", 0), "poor": Named("poor", 1)})
    asked = Counter[str]()
    scores = random.Random(0)
    for _ in range(60):
        proposal = sharing.ask()
        asked[proposal.strategy] += 1
        sharing.tell(proposal, scores.random() + (proposal.strategy == "good"))
    assert asked["good"] > 2 * asked["poor"] > 0


def test_unanswered_trials_are_shared_out() -> None:
    sharing = Sharing({"one": Named("one", 0), "other": Named("other", 1)})
    assert Counter(sharing.ask().strategy for _ in range(4)) == {"one": 2, "other": 2}


class Named(RandomSearch):
    """Chance, under another name."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(SPACE, seed)
        self._name = name

    def ask(self) -> Proposal:
        return replace(super().ask(), strategy=self._name)


def test_halving_trains_in_full_only_the_best_third() -> None:
    halving, told = Halving(RandomSearch(NETWORKS, 0)), dict[Proposal, float]()
    scores = random.Random(0)
    for _ in range(40):
        proposal = halving.ask()
        told[proposal] = scores.random()
        halving.tell(proposal, told[proposal])
    part = {each.architecture: score for each, score in told.items() if each.effort == EFFORTS[0]}
    full = [each.architecture for each in told if each.effort == 1]
    assert len(part) // 3 <= len(full) <= len(part) // 2
    assert set(full) <= set(part)
    assert sum(part[each] for each in full) / len(full) > sum(part.values()) / len(part) + 0.15


def test_halving_finds_better_architectures_with_the_same_effort() -> None:
    """More architectures in the same time, and hence a better one in the end."""
    seeds = range(10)
    in_full = sum(searched(RandomSearch(NETWORKS, s), s, effort=60) for s in seeds)
    halved = sum(searched(Halving(RandomSearch(NETWORKS, s)), s, effort=60) for s in seeds)
    assert halved > in_full


def test_a_default_is_not_tried_again_at_less_effort() -> None:
    halving = Halving(RandomSearch(SPACE, 0))
    known = [RandomSearch(SPACE, 0).ask().architecture for _ in range(1)]
    halving.tell(Proposal(known[0], "default"), 0.5)
    assert halving.ask().architecture not in known


def test_scores_of_less_effort_are_passed_on_as_if_of_full_effort() -> None:
    heard = Listener()
    halving = Halving(heard)
    points = [drawn(SPACE, seed) for seed in range(2)]
    halving.tell(Proposal(points[0], "another", EFFORTS[0]), 0.5)
    halving.tell(Proposal(points[0], "another"), 0.7)
    halving.tell(Proposal(points[1], "another", EFFORTS[0]), 0.4)
    assert heard.scores == pytest.approx([0.5, 0.7, 0.6])


class Listener(RandomSearch):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(SPACE, 0)
        self.scores: list[float] = []

    def tell(self, proposal: Proposal, score: float) -> None:
        self.scores.append(score)


def test_portfolio_asks_its_defaults_first_in_order_and_in_full() -> None:
    space = spaces()[3]
    portfolio = Portfolio(space.defaults(), Halving(RandomSearch(space, 0)))
    asked = [portfolio.ask() for _ in space.defaults()]
    assert [each.architecture for each in asked] == space.defaults()
    assert {(each.effort, each.strategy) for each in asked} == {(1.0, "default")}
    assert portfolio.ask() == Halving(RandomSearch(space, 0)).ask()


EFFORTS_BY_BUDGET = {
    "few trials: all in full": (Budget(max_trials=16), {1.0}),
    "many trials: in part at first": (Budget(max_trials=17), set(EFFORTS)),
    "as many as the time allows: in part at first": (Budget(), set(EFFORTS)),
}


@pytest.mark.parametrize(("budget", "efforts"), EFFORTS_BY_BUDGET.values(), ids=EFFORTS_BY_BUDGET.keys())
def test_effort_is_saved_where_time_is_what_there_is_to_save(budget: Budget, efforts: set[float]) -> None:
    searcher = searcher_for(replace(SPACE, budget=budget), 0)
    asked = []
    for score in range(30):
        asked.append(searcher.ask())
        searcher.tell(asked[-1], float(score))
    assert {proposal.effort for proposal in asked} == efforts


@pytest.mark.parametrize("effort", [0.0, -0.5, 1.1])
def test_an_effort_is_a_share(effort: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Proposal(drawn(SPACE, 0), "another", effort)
