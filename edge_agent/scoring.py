"""Keeps count: predictions and labels joined for every release that has predicted, and checkpointed into the outbox.

Rules
1. A label is on disk before it is confirmed.
2. Counts, waiting predictions and the place in the stream are saved together, every time `checkpoint` is called.
3. Of releases that run no longer, `MAX_RETIRED` are still joined with late labels.
"""

import logging
from collections.abc import Collection, Mapping, Sequence

from edge_agent.accuracy import Owner, Scorer
from edge_agent.config import Limits
from edge_agent.labels import LabelBook
from edge_agent.outbox import Outbox
from edge_agent.windowing import Position
from protocol.messages import Label, Slot

log = logging.getLogger(__name__)

MAX_RETIRED = 4


class Scoring:
    """All the scorers of this device, and the labels it knows."""

    def __init__(self, outbox: Outbox, limits: Limits) -> None:
        self._outbox, self._limits = outbox, limits
        self.book = LabelBook(limits.max_labels, outbox.labels())
        self._scorers: dict[tuple[Slot, str], Scorer] = {}
        for saved in outbox.scored():
            scorer = Scorer(saved.owner, limits.max_predictions, saved.waiting)
            self._scorers[(saved.owner.slot, saved.owner.release)] = scorer
        for label in outbox.labels():  # one that came after the last checkpoint has not been joined
            self._join(label)

    def scorer(self, owner: Owner) -> Scorer:
        """The scorer of a release in a slot."""
        key = (owner.slot, owner.release)
        if key not in self._scorers:
            self._scorers[key] = Scorer(owner, self._limits.max_predictions)
        return self._scorers[key]

    def add_labels(self, labels: Sequence[Label]) -> None:
        """Save labels that have arrived, then join them (rule 1)."""
        new, forgotten = [], list[str]()
        for label in labels:
            pushed_out = self.book.add(label)
            if pushed_out is not None:
                new.append(label)
                forgotten += pushed_out
        self._outbox.add_labels(new, forgotten)
        for label in new:
            self._join(label)

    def checkpoint(
        self, positions: Mapping[Slot, Position], running: Collection[Owner], wall_s: float, sending: bool
    ) -> bool:
        """Save everything since the last time (rule 2); whether there was anything. `sending`: it goes out at once."""
        taken = [one for scorer in self._scorers.values() if (one := scorer.take(wall_s)) is not None]
        for one in taken:
            for what, times in one.ignored.items():
                log.warning("ignored %d labels for %s: %s", times, one.owner.release[:12], what)
        if taken:
            self._outbox.checkpoint(taken, positions, sending)
        self._retire(running)
        return bool(taken)

    def _join(self, label: Label) -> None:
        for scorer in self._scorers.values():
            scorer.labelled(label)

    def _retire(self, running: Collection[Owner]) -> None:
        """Rule 3."""
        retired = [scorer.owner for scorer in self._scorers.values() if scorer.owner not in running]
        for owner in retired[:-MAX_RETIRED]:
            del self._scorers[(owner.slot, owner.release)]
            self._outbox.forget(owner)
