"""From data to a candidate: which architecture, taught by whom, compiled how, and what it was chosen from.

Rules
1. The search trains briefly and scores each architecture by what would be shipped: its ONNX file, through onnxruntime,
   on the validation part.
2. The best few, and the best of each family, are trained for longer and cross-validated over train and validation part
   together, by groups: two people are too few to choose by.
3. Their answers to windows they have not learned from, and those of larger models that no budget limits, make up a
   teacher (`ensemble`). By the same answers one finalist is chosen (`choice`).
4. The chosen one is trained on all windows of both parts, and for longer. If the teacher knows more than it does, it
   learns from the teacher as well, also windows that nobody labelled. Its scores remain those of cross-validation,
   without a teacher: a teacher has heard of a fold's labels by way of the other folds, so that scores of those it
   taught would flatter (by 5 points, where it was tried). What the shipped weights are worth, the held-out part says.
5. Probabilities are calibrated by a temperature that is fitted to answers out of fold.
6. Where the number of trials ends the search, the rest is never cut short, so that the same data, seed and number give
   the same bytes. Where time does, the rest gets what is left.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from factory import compiler, data, search
from factory.artifacts import (
    TEST,
    TRAIN,
    VALIDATION,
    Budget,
    Candidate,
    Compiled,
    Dataset,
    Float32,
    Int64,
    Task,
    Trial,
    Variant,
)
from factory.errors import BadInput
from factory.executor import Pool, workers
from factory.pipeline import choice, ensemble
from factory.pipeline.choice import Final, Pace, Pick, Plan
from factory.pipeline.facts import model_facts, without_facts
from factory.pipeline.work import PRECISIONS, Answers, Member, Work, answer, evaluate, fit

SEARCH_SHARE = 0.45  # of the time
EXAMINED_WINDOWS, EXAMINED_EPOCHS = 40_000, 8  # that a finalist sees in a fold, and how often each, at least
FINAL_EPOCHS = 20  # that the chosen one is trained for, at least
MOST_FINALISTS = 6
SECONDS_A_MINUTE = 60.0


@dataclass(frozen=True)
class Order:
    """What is searched for: in which space, within which budget, and what each file says about itself."""

    space: search.Space
    budget: Budget
    seed: int
    facts: Mapping[str, str]


def search_and_compile(
    dataset: Dataset,
    budget: Budget,
    seed: int,
    journal: search.Journal,
    progress: search.Progress,
    cluster: str | None = None,
) -> Candidate:
    """The best model for `dataset` within `budget`. Trials in `journal` are not repeated. `cluster`: see `workers`.

    Raises:
        BadInput: nothing can meet the budget, or a part of the data is empty.
    """
    began = time.monotonic()
    facts = model_facts(dataset)
    space = search.Space.of(dataset.task, without_facts(budget, facts))
    limit_s = budget.minutes * SECONDS_A_MINUTE
    with workers(cluster=cluster) as pool:
        spent_s = sum(trial.seconds for trial in journal.trials()) / pool.size
        trials = _searched(pool, dataset, Order(space, budget, seed, facts), journal, progress)
        left_s = None if len(trials) == budget.max_trials else limit_s - spent_s - (time.monotonic() - began)
        windows = len(dataset.y[dataset.part == TRAIN])
        plan = choice.plan(_finalists(trials), _seen(windows), Pace(windows, pool.size, left_s, len(trials)))
        both, fold = _folded(dataset, plan.folds, seed)
        with pool.share(X=both.X, y=both.y, U=dataset.unlabelled) as shared:
            school = _School(pool, Work(shared, budget, seed, tuple(facts.items())), both.y, fold)
            progress.stage("Cross-validating the best")
            finals = school.examined(_members(plan, dataset.task))
            teacher = _teacher(finals, both.y)
            ranked = choice.ranked(choice.picks(finals, both.y, budget))
            progress.stage("Training the chosen one on every window")
            chosen, compiled = school.graduated(ranked, teacher)
    variants = _variants(compiled, chosen.final, both, budget)
    ours, other = sorted(variants, key=lambda variant: variant.compiled.precision != chosen.precision)
    said = compiler.scores(teacher[: len(both.y)], both.y)
    reason = choice.why(chosen, finals, said)
    return Candidate(
        chosen.final.member.architecture,
        ours.compiled,
        variants,
        tuple(trials),
        chosen.trial.number,
        time.monotonic() - began,
        f"{reason} {choice.verdict(ours, other)}",
    )


def _searched(
    pool: Pool, dataset: Dataset, order: Order, journal: search.Journal, progress: search.Progress
) -> list[Trial]:
    """Rule 1."""
    train, validation = _part(dataset, TRAIN, "train"), _part(dataset, VALIDATION, "validation")
    seconds = order.budget.minutes * SECONDS_A_MINUTE * SEARCH_SHARE
    study = search.Study(order.space, journal, progress, seconds, pool.size)
    with pool.share(X=train.X, y=train.y, Xv=validation.X, yv=validation.y) as shared:
        work = Work(shared, order.budget, order.seed, tuple(order.facts.items()))
        progress.stage("Searching architectures")
        searcher = search.searcher_for(order.space, order.seed)
        return study.run(searcher, lambda number, proposal: pool.submit(evaluate, work, number, proposal))


def _folded(dataset: Dataset, count: int, seed: int) -> tuple[Dataset, npt.NDArray[np.int8]]:
    """The windows of train and validation part that are in a fold (rule 2), and the fold of each."""
    both = _rows(dataset, dataset.part != TEST)
    fold = data.folds(both, count, seed)
    return _rows(both, fold >= 0), fold[fold >= 0]


@dataclass(frozen=True, eq=False)
class _School:
    """Where finalists are cross-validated and taught: workers, the classes of all windows (n), their folds (n)."""

    pool: Pool
    work: Work
    y: Int64
    fold: npt.NDArray[np.int8]

    def examined(self, members: Sequence[tuple[Trial | None, Member]]) -> list[Final]:
        """Every member trained without each fold in turn."""
        held = [self.fold == number for number in np.unique(self.fold)]
        futures = [[self.pool.submit(answer, self.work, member, fold) for fold in held] for _, member in members]
        return [
            self._final(trial, member, [(fold, future.result()) for fold, future in zip(held, row, strict=True)])
            for (trial, member), row in zip(members, futures, strict=True)
        ]

    def graduated(self, ranked: Sequence[Pick], teacher: Float32) -> tuple[Pick, list[Compiled]]:
        """The first that meets the budget also when trained on everything; in every precision, calibrated (rules 4, 5).

        Raises:
            BadInput: none does.
        """
        for pick in ranked:
            soft = teacher if choice.worth_teaching(pick, compiler.scores(teacher[: len(self.y)], self.y)) else None
            temperature = ensemble.temperature(pick.final.answers["fp32"], self.y)
            compiled = self.pool.submit(fit, self.work, self._for_longer(pick.final.member), soft, temperature).result()
            if any(
                each.precision == pick.precision and search.fits(each.footprint, self.work.budget) for each in compiled
            ):
                return pick, compiled
        raise BadInput("budget", "no model met it once it was trained on every window", "Allow a few percent more")

    def _for_longer(self, member: Member) -> Member:
        return dataclasses.replace(member, seen=max(member.seen, FINAL_EPOCHS * len(self.y)))

    def _final(
        self, trial: Trial | None, member: Member, parts: Sequence[tuple[npt.NDArray[np.bool_], Answers]]
    ) -> Final:
        classes = member.architecture.classes
        answers = {each: np.zeros((len(self.y), classes), np.float32) for each in PRECISIONS}
        for held, part in parts:
            for each in PRECISIONS:
                answers[each][held] = part.held[each]
        footprint = {
            each: max((part.footprint[each] for _, part in parts), key=lambda found: found.file_bytes)
            for each in PRECISIONS
        }
        unlabelled: Float32 = np.mean([part.unlabelled for _, part in parts], axis=0, dtype=np.float32)
        return Final(trial, member, answers, unlabelled, footprint)


def _part(dataset: Dataset, part: int, name: str) -> Dataset:
    windows = dataset.only(part)
    if not len(windows.y):
        raise BadInput("split", f"the {name} part has no windows", "Use more groups, or another split")
    return windows


def _rows(dataset: Dataset, keep: npt.NDArray[np.bool_]) -> Dataset:
    names = ("X", "y", "part", "group", "recording", "start")
    return dataclasses.replace(dataset, **{name: getattr(dataset, name)[keep] for name in names})


def _seen(windows: int) -> int:
    return max(EXAMINED_WINDOWS, EXAMINED_EPOCHS * windows)


def _finalists(trials: Sequence[Trial]) -> list[Trial]:
    """Rule 2.

    Raises:
        BadInput: no trial met the budget.
    """
    if not any(trial.fits for trial in trials):
        smallest = min(trial.footprint.file_bytes for trial in trials) / search.KB
        raise BadInput("budget.max_kb", "no compiled model met the budget", f"The smallest took {smallest:.2f} kB")
    return search.finalists([trial for trial in trials if trial.fits], MOST_FINALISTS)


def _members(plan: Plan, task: Task) -> list[tuple[Trial | None, Member]]:
    """The finalists, and the larger models that only teach."""
    finalists = [(trial, Member(search.decode(trial.architecture), plan.seen)) for trial in plan.finalists]
    known = {member.architecture for _, member in finalists}
    larger = [each for each in search.Space.of(task, Budget()).defaults() if each not in known]
    return [*finalists, *((None, Member(each, plan.seen)) for each in larger[: plan.teachers])]


def _teacher(finals: Sequence[Final], y: Int64) -> Float32:
    """What the ensemble says (n + m, classes) of labelled windows and of those that nobody labelled (rule 3)."""
    answers = [final.answers["fp32"] for final in finals]
    weights = ensemble.weigh(answers, y)
    known = ensemble.blend(answers, weights)
    if not len(finals[0].unlabelled):
        return known
    return np.concatenate([known, ensemble.blend([final.unlabelled for final in finals], weights)])


def _variants(compiled: Sequence[Compiled], final: Final, both: Dataset, budget: Budget) -> tuple[Variant, ...]:
    """Files as they are shipped, with the scores of cross-validation (rule 4)."""
    scores = {each: compiler.scores(final.answers[each], both.y) for each in PRECISIONS}
    return tuple(
        Variant(
            each,
            scores[each.precision].accuracy,
            scores[each.precision].macro_f1,
            compiler.latency(each.onnx, both.X),
            search.fits(each.footprint, budget),
        )
        for each in compiled
    )
