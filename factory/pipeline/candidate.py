"""From data to a candidate: which architecture, trained how long, compiled how, and which of the results is shipped.

Rules
1. The search trains briefly and scores each architecture by what would be shipped: its ONNX file, through onnxruntime,
   on the validation part.
2. The best few are trained for longer, on the train part alone, and scored in the same way. Of them, and of both
   precisions, the one with the best score within the budget is chosen; where scores are within `EQUAL_SCORE`, the
   smaller file. Latency is reported, and decides nothing: it is never twice the same, and a study that was killed must
   end where it would have ended.
3. The chosen architecture and precision are then trained again, in the same way, on train and validation part together:
   more people in, the same recipe. The validation scores remain those of rule 2, because the final weights have seen
   the validation part; what the shipped model is worth, the held-out part says. Should the result not even know its own
   validation part as well as the model of rule 2 does, that model is shipped.
4. Where the number of trials ends the search, the rest is never cut short, so that the same data, seed and number give
   the same bytes. Where time does, the longer training gets what is left.
"""

import dataclasses
import json
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from factory import compiler, search, training
from factory.artifacts import (
    TRAIN,
    VALIDATION,
    Architecture,
    Budget,
    Candidate,
    Compiled,
    Dataset,
    Float32,
    Int64,
    Precision,
    Trial,
    Variant,
)
from factory.errors import BadInput
from factory.executor import Shared, cores, share, workers

SEARCH_SHARE = 0.5  # of the time
SEARCH_WINDOWS = 20_000  # that a trial sees in training
FINAL_WINDOWS, FINAL_EPOCHS = 40_000, 20  # that a finalist sees, and at least
FINALISTS = 3
CALIBRATION_WINDOWS = 256
PARITY_WINDOWS = 512
MOST_VALUES = 16_000_000  # samples times channels that int8 ranges and parity are measured on
EQUAL_SCORE = 0.003
SECONDS_A_MINUTE = 60.0
FACT_BYTES = 8  # that a fact takes in a file beside its name and text
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


@dataclass(frozen=True)
class Work:
    """What every worker is handed, once: data, budget, seed, and the facts that are stamped into each file."""

    shared: Shared  # X, y of the train part; Xv, yv of the validation part
    budget: Budget
    seed: int
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Plan:
    """Which trials' architectures are trained for how many epochs in the end (rules 2 and 4)."""

    trials: tuple[Trial, ...]
    epochs: int


@dataclass(frozen=True, eq=False)
class Scored:
    """A trial's architecture, trained and compiled in one precision, and what that is worth on the validation part."""

    trial: Trial
    compiled: Compiled
    scores: compiler.Scores
    fits: bool


def search_and_compile(
    dataset: Dataset, budget: Budget, seed: int, journal: search.Journal, progress: search.Progress
) -> Candidate:
    """The best model for `dataset` within `budget`. Trials in `journal` are not repeated.

    Raises:
        BadInput: nothing can meet the budget, or a part of the data is empty.
    """
    began = time.monotonic()
    train, validation = _part(dataset, TRAIN, "train"), _part(dataset, VALIDATION, "validation")
    facts, space = model_facts(dataset), search.Space.of(dataset.task)
    limit_s = budget.minutes * SECONDS_A_MINUTE
    study = search.Study(space, _without_facts(budget, facts), journal, progress, limit_s * SEARCH_SHARE)
    with share(X=train.X, y=train.y, Xv=validation.X, yv=validation.y) as shared, workers() as pool:
        work = Work(shared, budget, seed, tuple(facts.items()))
        progress.stage("Searching architectures")
        trials = study.run(search.searcher_for(space, seed), lambda number, a: pool.submit(evaluate, work, number, a))
        progress.stage("Training the best for longer")
        left_s = None if len(trials) == budget.max_trials else limit_s - (time.monotonic() - began)
        plan = final_plan(trials, max(training.epochs_for(len(train.y), FINAL_WINDOWS), FINAL_EPOCHS), left_s, cores())
        finals = _finals(pool, work, plan)
        chosen = choose(finals)
        progress.stage("Training the chosen one on train and validation part together")
        again = pool.submit(refit, work, chosen.trial, plan.epochs).result()
    validated = [final for final in finals if final.trial == chosen.trial]
    variants = _variants(_shipped(validated, again, chosen), validated, validation.X)
    compiled = next(v.compiled for v in variants if v.compiled.precision == chosen.compiled.precision)
    seconds = time.monotonic() - began
    architecture = search.decode(chosen.trial.architecture)
    return Candidate(
        architecture, compiled, variants, tuple(trials), chosen.trial.number, seconds, why(chosen, finals, variants)
    )


def model_facts(dataset: Dataset) -> dict[str, str]:
    """What the file says about itself, in `metadata_props`."""
    task = dataset.task
    return {
        "name": task.name,
        "task": task.kind,
        "classes": json.dumps(task.classes),
        "channels": json.dumps(task.channels),
        "units": json.dumps(task.units),
        "rate_hz": f"{task.rate_hz:g}",
        "window": str(task.window),
        "hop": str(task.hop),
        "data_digest": dataset.digest,
        "versions": json.dumps({name: version(name) for name in ("onnx", "onnxruntime", "torch")}),
    }


def evaluate(work: Work, number: int, architecture: Architecture) -> Trial:
    """Train briefly, compile, score: one trial of the search, in a worker (rule 1)."""
    began = time.monotonic()
    data = work.shared.load()
    epochs = training.epochs_for(len(data["y"]), SEARCH_WINDOWS)
    trial = Trial(
        number, search.encode(architecture), "fp32", 0.0, 0.0, search.predict(architecture)["fp32"], epochs, 0.0, False
    )
    top = choose(_trained(work, trial, epochs, (data["X"], data["y"])), needed=False)
    return dataclasses.replace(
        trial,
        precision=top.compiled.precision,
        validation_accuracy=top.scores.accuracy,
        validation_macro_f1=top.scores.macro_f1,
        footprint=top.compiled.footprint,
        seconds=time.monotonic() - began,
        fits=top.fits,
    )


def final(work: Work, trial: Trial, epochs: int) -> list[Scored]:
    """A trial's architecture trained for longer on the train part, in a worker (rule 2)."""
    data = work.shared.load()
    return _trained(work, trial, epochs, (data["X"], data["y"]))


def refit(work: Work, trial: Trial, epochs: int) -> list[Scored]:
    """The same on train and validation part together, in a worker (rule 3)."""
    data = work.shared.load()
    together = np.concatenate([data["X"], data["Xv"]]), np.concatenate([data["y"], data["yv"]])
    return _trained(work, trial, epochs, together)


def final_plan(trials: Sequence[Trial], epochs: int, left_s: float | None, at_once: int = 1) -> Plan:
    """The best trials that fit the time that is left, at least one (rule 4); None: time does not matter.

    Raises:
        BadInput: no trial met the budget.
    """
    fitting = sorted((trial for trial in trials if trial.fits), key=search.score, reverse=True)[:FINALISTS]
    if not fitting:
        smallest = min(trial.footprint.file_bytes for trial in trials) / search.KB
        raise BadInput("budget.max_kb", "no compiled model met the budget", f"The smallest took {smallest:.2f} kB")
    if left_s is None:
        return Plan(tuple(fitting), epochs)
    for count in range(len(fitting), 0, -1):
        plan = Plan(tuple(fitting[:count]), epochs)
        if (needed_s := seconds_of(plan, at_once)) <= left_s:
            return plan
    share_left = max(left_s, 0.0) / needed_s
    return Plan(plan.trials, max(int(epochs * share_left), plan.trials[0].epochs))


def seconds_of(plan: Plan, at_once: int) -> float:
    """How long a plan will take: its trials, `at_once` at the same time, then one of them again."""
    each = [trial.seconds * plan.epochs / trial.epochs for trial in plan.trials]
    return sum(each) / min(at_once, len(each)) + max(each)


def choose(scored: Sequence[Scored], *, needed: bool = True) -> Scored:
    """Of what fits the budget the best; of equals the smaller file (rule 2). `needed`: nothing that fits is an error.

    Raises:
        BadInput: nothing fits, and it is needed.
    """
    fitting = [each for each in scored if each.fits]
    if needed and not fitting:
        raise BadInput("budget", "no finalist met the budget", "Allow a few percent more")
    rivals = fitting or scored
    top = max(each.scores.mean for each in rivals)
    equals = [each for each in rivals if each.scores.mean >= top - EQUAL_SCORE]
    return min(equals, key=lambda each: (each.compiled.footprint.file_bytes, each.trial.number))


def why(chosen: Scored, finals: Sequence[Scored], variants: Sequence[Variant]) -> str:
    """Why this model, in three sentences."""
    ours, other = sorted(variants, key=lambda variant: variant.compiled.precision != chosen.compiled.precision)
    finalists = len({each.trial.number for each in finals})
    verdict = "over the budget" if not other.fits else "not better by more than noise, or not smaller"
    return (
        f"Trial {chosen.trial.number} was the best of {finalists} that were trained for longer: validation accuracy "
        f"{chosen.scores.accuracy:.3f} as {_described(ours)}. "
        f"As {_described(other)} it has {other.validation_accuracy:.3f}: {verdict}."
    )


def _described(variant: Variant) -> str:
    kb = variant.compiled.footprint.file_bytes / search.KB
    return f"{variant.compiled.precision} ({kb:.1f} kB, {variant.latency.p50_us:.0f} us a window)"


def _part(dataset: Dataset, part: int, name: str) -> Dataset:
    windows = dataset.only(part)
    if not len(windows.y):
        raise BadInput("split", f"the {name} part has no windows", "Use more groups, or another split")
    return windows


def _without_facts(budget: Budget, facts: dict[str, str]) -> Budget:
    """The budget that the search can spend: room for the stamped facts is taken off."""
    if budget.max_kb is None:
        return budget
    reserved = sum(len(name.encode()) + len(text.encode()) + FACT_BYTES for name, text in facts.items())
    return dataclasses.replace(budget, max_kb=budget.max_kb - reserved / search.KB)


def _trained(work: Work, trial: Trial, epochs: int, windows: tuple[Float32, Int64]) -> list[Scored]:
    """Train on (X, y), compile in every precision, score on the validation part."""
    X, y = windows
    data = work.shared.load()
    trained = training.train(search.decode(trial.architecture), X, y, work.seed, epochs)
    most = max(1, MOST_VALUES // X[0].size)
    rng = np.random.default_rng(work.seed)
    calibration = X[np.sort(rng.permutation(len(X))[: min(CALIBRATION_WINDOWS, most)])]
    checked = data["Xv"][: min(PARITY_WINDOWS, most)]
    reference = compiler.Reference(calibration, checked, training.answers(trained, checked), dict(work.facts))
    return [_scored(work, trial, compiler.compile_model(trained, precision, reference)) for precision in PRECISIONS]


def _scored(work: Work, trial: Trial, compiled: Compiled) -> Scored:
    data = work.shared.load()
    scores = compiler.scores(compiler.answers(compiled.onnx, data["Xv"]), data["yv"])
    return Scored(trial, compiled, scores, search.fits(compiled.footprint, work.budget))


def _finals(pool: Executor, work: Work, plan: Plan) -> list[Scored]:
    futures = [pool.submit(final, work, trial, plan.epochs) for trial in plan.trials]
    return [scored for future in futures for scored in future.result()]


def _shipped(validated: Sequence[Scored], again: Sequence[Scored], chosen: Scored) -> Sequence[Scored]:
    """The weights trained again, unless something went wrong with them (rule 3)."""
    fresh = next(each for each in again if each.compiled.precision == chosen.compiled.precision)
    return again if fresh.fits and fresh.scores.mean >= chosen.scores.mean else validated


def _variants(shipped: Sequence[Scored], validated: Sequence[Scored], windows: Float32) -> tuple[Variant, ...]:
    """Files as they are shipped, with the scores from before they had seen the validation part (rule 3)."""
    return tuple(
        Variant(
            new.compiled,
            old.scores.accuracy,
            old.scores.macro_f1,
            compiler.latency(new.compiled.onnx, windows),
            new.fits,
        )
        for new, old in zip(shipped, validated, strict=True)
    )
