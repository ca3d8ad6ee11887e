"""What every searcher must do. A searcher is tested by inheriting this suite and saying how it is made."""

import random
from dataclasses import replace

import pytest

from factory.artifacts import Budget
from factory.search import Proposal, Searcher, Space, affordable, decode, encode
from tests.support.models import drawn, spaces

ROUNDS = 40
TIGHT = Budget(max_kb=8, max_macs=60_000)


class SearcherContract:
    """Rules of `factory.search.searcher.Searcher`."""

    def make(self, space: Space, seed: int) -> Searcher:
        """The searcher under test."""
        raise NotImplementedError

    @pytest.mark.parametrize("space", spaces(), ids=str)
    def test_proposals_are_points_of_the_space(self, space: Space) -> None:
        for proposal in self._asked(space, seed=0):
            point = proposal.architecture
            assert (point.time, point.channels, point.classes) == (space.time, space.channels, space.classes)
            assert point.triples == space.triples
            assert decode(encode(point)) == point

    @pytest.mark.parametrize("space", spaces()[:4], ids=str)
    def test_proposals_are_within_the_budget(self, space: Space) -> None:
        tight = replace(space, budget=TIGHT)
        assert all(affordable(proposal.architecture, TIGHT) for proposal in self._asked(tight, seed=0))

    def test_same_seed_and_scores_give_the_same_proposals(self) -> None:
        space = spaces()[2]
        assert self._asked(space, seed=3) == self._asked(space, seed=3)

    def test_another_seed_gives_other_proposals(self) -> None:
        space = spaces()[2]
        assert self._asked(space, seed=3) != self._asked(space, seed=4)

    def test_proposals_say_whose_idea_they_were(self) -> None:
        assert all(proposal.strategy for proposal in self._asked(spaces()[2], seed=0))

    def test_it_proposes_before_it_is_told_anything(self) -> None:
        searcher = self.make(spaces()[2], seed=0)
        assert len({searcher.ask().architecture for _ in range(ROUNDS)}) > ROUNDS // 4

    def test_it_takes_architectures_that_it_never_proposed(self) -> None:
        space = spaces()[2]
        searcher = self.make(space, seed=0)
        for seed in range(ROUNDS):
            searcher.tell(Proposal(drawn(space, seed), "another"), score=seed / ROUNDS)
        assert searcher.ask().architecture.time == space.time

    def test_equal_and_negative_scores_are_fine(self) -> None:
        space = spaces()[2]
        searcher = self.make(space, seed=0)
        for _ in range(ROUNDS):
            searcher.tell(searcher.ask(), score=-1.0)
        assert searcher.ask().architecture.time == space.time

    def test_a_space_of_a_single_point_is_proposed_again_and_again(self) -> None:
        """The study, not the searcher, sees to it that nothing is evaluated twice."""
        space = spaces()[0]
        floor = space.floor("convnet")
        alone = replace(space, families=("convnet",), budget=Budget(max_kb=0.001))
        assert {proposal.architecture for proposal in self._asked(alone, seed=0)} == {floor}

    def _asked(self, space: Space, seed: int) -> list[Proposal]:
        """Proposals of a search whose scores are arbitrary, but always the same."""
        searcher, scores = self.make(space, seed), random.Random(0)
        proposals = []
        for _ in range(ROUNDS):
            proposals.append(searcher.ask())
            searcher.tell(proposals[-1], scores.random())
        return proposals
