"""What every searcher must do. A searcher is tested by inheriting this suite and saying how it is made."""

import random

import pytest

from factory.artifacts import Architecture
from factory.search import Searcher, Space, decode, encode
from tests.support.models import drawn, spaces

ROUNDS = 40


class SearcherContract:
    """Rules of `factory.search.searcher.Searcher`."""

    def make(self, space: Space, seed: int) -> Searcher:
        """The searcher under test."""
        raise NotImplementedError

    @pytest.mark.parametrize("space", spaces(), ids=str)
    def test_proposals_are_points_of_the_space(self, space: Space) -> None:
        for proposal in self._asked(space, seed=0):
            assert (proposal.time, proposal.channels, proposal.classes) == (space.time, space.channels, space.classes)
            assert proposal.triples == space.triples
            assert decode(encode(proposal)) == proposal

    def test_same_seed_and_scores_give_the_same_proposals(self) -> None:
        space = spaces()[2]
        assert self._asked(space, seed=3) == self._asked(space, seed=3)

    def test_another_seed_gives_other_proposals(self) -> None:
        space = spaces()[2]
        assert self._asked(space, seed=3) != self._asked(space, seed=4)

    def test_it_proposes_before_it_is_told_anything(self) -> None:
        searcher = self.make(spaces()[2], seed=0)
        assert len({str(searcher.ask()) for _ in range(ROUNDS)}) > ROUNDS // 4

    def test_it_takes_architectures_that_it_never_proposed(self) -> None:
        space = spaces()[2]
        searcher = self.make(space, seed=0)
        for seed in range(ROUNDS):
            searcher.tell(drawn(space, seed), score=seed / ROUNDS)
        assert isinstance(searcher.ask(), Architecture)

    def test_equal_and_negative_scores_are_fine(self) -> None:
        searcher = self.make(spaces()[2], seed=0)
        for _ in range(ROUNDS):
            searcher.tell(searcher.ask(), score=-1.0)
        assert isinstance(searcher.ask(), Architecture)

    def _asked(self, space: Space, seed: int) -> list[Architecture]:
        """Proposals of a search whose scores are arbitrary, but always the same."""
        searcher, scores = self.make(space, seed), random.Random(0)
        proposals = []
        for _ in range(ROUNDS):
            proposals.append(searcher.ask())
            searcher.tell(proposals[-1], scores.random())
        return proposals
