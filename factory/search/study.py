"""The loop of a search: ask, evaluate on every core, tell, until the trials or the time are used up.

Rules
1. Nothing is trained that is predicted to be over the budget: the space does not hold it. Where not even the cheapest
   point of the space fits, the budget is refused before anything is trained.
2. Proposal number k is asked for when exactly the results 0 .. k - lag have been told, in this order. So the proposals
   depend on the seed and the scores, not on which worker was faster, and that many evaluations run at once: `LAG`, or
   one for each worker of a cluster that has more.
3. Nothing is evaluated twice: the same architecture at the same effort is skipped, and a searcher that has nothing new
   to say ends the search.
4. Trials in the journal are not evaluated again. A journaled trial stands for proposal k if its number, architecture
   and effort agree; if they do not, the journal belongs to another study, and that is refused.
5. The time that journaled trials took counts as spent.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Protocol

from factory.architectures import Architecture
from factory.artifacts import Trial
from factory.errors import BadInput
from factory.search.cost import KB, fits, predict
from factory.search.searcher import Proposal, Searcher
from factory.search.selection import best, score
from factory.search.space import Space, decode

LAG = 4  # evaluations in flight, at least
MOST_ASKS = 50  # for one proposal that is new
SECONDS_A_MINUTE = 60.0

Submit = Callable[[int, Proposal], Future[Trial]]


class Journal(Protocol):
    """Where finished trials are kept, so that a killed study goes on where it was."""

    def trials(self) -> list[Trial]:
        """Finished trials of this study, by number."""

    def record(self, trial: Trial) -> None:
        """Keep one; the same number again changes nothing."""


class Progress(Protocol):
    """Who is told how it goes."""

    def stage(self, text: str) -> None:
        """Something else begins."""

    def finished(self, trial: Trial, best: Trial, share: float) -> None:
        """A trial is finished; `share` of the search's trials or time is used up."""


@dataclass(frozen=True)
class Study:
    """What a search is run with. It takes `seconds` of `clock` or the trials of the space's budget."""

    space: Space
    journal: Journal
    progress: Progress
    seconds: float
    workers: int = LAG  # that evaluate at the same time
    clock: Callable[[], float] = field(default=time.monotonic)

    def run(self, searcher: Searcher, submit: Submit) -> list[Trial]:
        """All trials, by number. `submit` starts the evaluation of a numbered proposal and gives its future.

        Raises:
            BadInput: nothing in the space meets the budget, or the journal is another study's.
        """
        check_budget(self.space)
        return _Run(self, searcher, submit).run()


def check_budget(space: Space) -> None:
    """Whether the cheapest point of the space meets its budget (rule 1).

    Raises:
        BadInput: it does not.
    """
    budget = space.budget
    floors = [footprint for family in space.families for footprint in predict(space.floor(family)).values()]
    kb = min(footprint.file_bytes for footprint in floors) / KB
    macs = min(footprint.macs for footprint in floors)
    if budget.max_kb is not None and budget.max_kb < kb:
        cure = f"The smallest model for this task takes {kb:.1f} kB; allow at least that"
        raise BadInput("budget.max_kb", f"nothing fits {budget.max_kb:g} kB", cure)
    if budget.max_macs is not None and budget.max_macs < macs:
        cure = f"The smallest model for this task takes {macs} MACs a window; allow at least that"
        raise BadInput("budget.max_macs", f"nothing fits {budget.max_macs} MACs", cure)
    if not any(fits(footprint, budget) for footprint in floors):
        cure = f"Allow more than {budget.max_kb:g} kB or more than {budget.max_macs} MACs"
        raise BadInput("budget", "nothing is both as small and as fast", cure)


class _Run:
    """One run of a study: what is in flight, what is told."""

    def __init__(self, study: Study, searcher: Searcher, submit: Submit) -> None:
        self._study, self._searcher, self._submit = study, searcher, submit
        self._known: Mapping[int, Trial] = {trial.number: trial for trial in study.journal.trials()}
        self._spent = sum(trial.seconds for trial in self._known.values()) / study.workers
        self._lag = max(LAG, study.workers)
        self._began = study.clock()
        self._asked: list[Proposal] = []
        self._seen: set[tuple[Architecture, float]] = set()
        self._finished: dict[int, Trial] = {}
        self._running: dict[Future[Trial], int] = {}
        self._told = 0

    def run(self) -> list[Trial]:
        while self._may_ask():
            self._tell_until(len(self._asked) - self._lag)
            proposal = self._next()
            if proposal is None:
                break
            self._start(proposal)
        while self._running:
            self._wait()
        return [self._finished[number] for number in sorted(self._finished)]

    def _may_ask(self) -> bool:
        most = self._study.space.budget.max_trials
        if most is not None and len(self._asked) >= most:
            return False
        return not self._asked or len(self._asked) in self._known or self._elapsed() < self._study.seconds

    def _next(self) -> Proposal | None:
        """A proposal that is new; none: the searcher has nothing new (rule 3)."""
        for _ in range(MOST_ASKS):
            proposal = self._searcher.ask()
            if (proposal.architecture, proposal.effort) not in self._seen:
                return proposal
        return None

    def _start(self, proposal: Proposal) -> None:
        number = len(self._asked)
        self._asked.append(proposal)
        self._seen.add((proposal.architecture, proposal.effort))
        known = self._known.get(number)
        if known is None:
            self._running[self._submit(number, proposal)] = number
        elif (decode(known.architecture), known.effort) == (proposal.architecture, proposal.effort):
            self._finish(known)
        else:
            raise BadInput(
                "journal",
                f"trial {number} is of another study",
                "Start a new study, or use the data, budget and seed of this one",
            )

    def _tell_until(self, number: int) -> None:
        """Tell results up to `number`, in order, waiting for them (rule 2)."""
        while self._told <= number:
            if self._told not in self._finished:
                self._wait()
                continue
            trial = self._finished[self._told]
            self._searcher.tell(self._asked[self._told], score(trial))
            self._told += 1

    def _wait(self) -> None:
        for future in wait(self._running, return_when=FIRST_COMPLETED).done:
            trial = future.result()
            del self._running[future]
            self._study.journal.record(trial)
            self._finish(trial)

    def _finish(self, trial: Trial) -> None:
        self._finished[trial.number] = trial
        self._study.progress.finished(trial, best(list(self._finished.values())), self._share())

    def _elapsed(self) -> float:
        return self._study.clock() - self._began + self._spent

    def _share(self) -> float:
        most = self._study.space.budget.max_trials
        by_count = len(self._finished) / most if most else 0.0
        return min(1.0, max(by_count, self._elapsed() / self._study.seconds))
