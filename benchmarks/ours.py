"""Our sides of the comparison: the whole factory, the factory without one of its parts, and other searches over our
space. All go through the code of `factory build`.

`ours` is the whole. `ours-untaught` lacks the teacher. `portfolio`, `evolution`, `controller` and `random` are searches
alone: what they find best is trained again on all windows, without cross-validation or a teacher. `tpe` is Optuna's
tree-structured Parzen estimator with median pruning in their place (Akiba et al., 2019), on the same space; its pruner
sees every point trained for a quarter first.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import optuna

from benchmarks.sides import Fit, Fitted, Nothing
from factory import compiler, search
from factory.artifacts import TRAIN, VALIDATION, Budget, Compiled, Dataset, Trial
from factory.executor import Pool, workers
from factory.pipeline import choice
from factory.pipeline.candidate import search_and_compile
from factory.pipeline.facts import model_facts, without_facts
from factory.pipeline.work import Member, Work, evaluate, fit

SEARCH_SHARE = 0.9  # of the time, of a search alone; training the best again takes the rest
FINAL_EPOCHS, FINAL_WINDOWS = 20, 40_000  # as the factory trains in the end
SECONDS_A_MINUTE = 60
PRUNED_AT = 0.25  # of a whole trial's training
NEVER = 9.0


def ours(dataset: Dataset, budget: Budget, seed: int) -> Fitted:
    """The whole factory."""
    found = search_and_compile(dataset, budget, seed, Nothing(), Nothing())
    return _fitted(found.compiled, found.seconds)


def untaught(dataset: Dataset, budget: Budget, seed: int) -> Fitted:
    """The factory, without what the ensemble teaches."""
    lead = choice.TEACHER_LEAD
    choice.TEACHER_LEAD = NEVER
    try:
        return ours(dataset, budget, seed)
    finally:
        choice.TEACHER_LEAD = lead


def alone(searcher_of: Callable[[search.Space, int], search.Searcher]) -> Fit:
    """A search, and its best trained again."""

    def fitted(dataset: Dataset, budget: Budget, seed: int) -> Fitted:
        began = time.monotonic()
        with workers() as pool, _searching(pool, dataset, budget, seed) as (space, work):
            seconds = SEARCH_SHARE * SECONDS_A_MINUTE * budget.minutes
            study = search.Study(space, Nothing(), Nothing(), seconds, pool.size)
            trials = study.run(searcher_of(space, seed), lambda number, p: pool.submit(evaluate, work, number, p))
            best = _again(pool, dataset, work, search.best(trials))
        return _fitted(best, time.monotonic() - began)

    return fitted


def tpe(dataset: Dataset, budget: Budget, seed: int) -> Fitted:
    """Optuna's usual way: one study, a thread for each worker."""
    began = time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=0),
    )
    found: dict[int, Trial] = {}
    with workers() as pool, _searching(pool, dataset, budget, seed) as (space, work):

        def objective(trial: optuna.Trial) -> float:
            architecture = space.sample(trial.suggest_categorical)  # type: ignore[arg-type]
            for step, effort in enumerate((PRUNED_AT, 1.0)):
                proposal = search.Proposal(architecture, "tpe", effort)
                done = pool.submit(evaluate, work, trial.number, proposal).result()
                trial.report(search.score(done), step)
                if step == 0 and trial.should_prune():
                    raise optuna.TrialPruned
            found[trial.number] = done
            return search.score(done)

        timeout = SEARCH_SHARE * SECONDS_A_MINUTE * budget.minutes
        study.optimize(objective, timeout=timeout, n_jobs=pool.size)
        best = _again(pool, dataset, work, search.best(list(found.values())))
    return _fitted(best, time.monotonic() - began)


@contextmanager
def _searching(pool: Pool, dataset: Dataset, budget: Budget, seed: int) -> Iterator[tuple[search.Space, Work]]:
    facts = model_facts(dataset)
    space = search.Space.of(dataset.task, without_facts(budget, facts))
    train, validation = dataset.only(TRAIN), dataset.only(VALIDATION)
    with pool.share(X=train.X, y=train.y, Xv=validation.X, yv=validation.y) as shared:
        yield space, Work(shared, budget, seed, tuple(facts.items()))


def _again(pool: Pool, dataset: Dataset, work: Work, best: Trial) -> Compiled:
    """The best trial's architecture, trained on all windows."""
    seen = max(FINAL_WINDOWS, FINAL_EPOCHS * len(dataset.y))
    with pool.share(X=dataset.X, y=dataset.y, U=np.empty((0, *dataset.X.shape[1:]), np.float32)) as shared:
        whole = Work(shared, work.budget, work.seed, work.facts)
        files = pool.submit(fit, whole, Member(search.decode(best.architecture), seen), None, 1.0).result()
    return next(each for each in files if each.precision == best.precision)


def _fitted(compiled: Compiled, seconds: float) -> Fitted:
    answerer = compiler.Answerer(compiled.onnx)
    return Fitted(answerer, len(compiled.onnx), compiled.footprint.macs, seconds)


SIDES: Mapping[str, Fit] = {
    "ours": ours,
    "ours-untaught": untaught,
    "portfolio": alone(search.searcher_for),
    "evolution": alone(search.Evolution),
    "controller": alone(search.Controller),
    "random": alone(search.RandomSearch),
    "tpe": tpe,
}
