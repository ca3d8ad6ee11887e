"""From data to a detector: which one, with which threshold, and what it was chosen from.

Rules
1. Detectors learn from the normal windows of the train part alone. Normal windows of the validation part set the
   threshold (`training.anomaly`), for each compiled file by its own scores through onnxruntime.
2. They are compared by accuracy and macro-F1 on those normal windows and on anomalies, as if both were equally
   frequent. Anomalies are the real ones of train and validation part, where there are `LEAST_REAL` of them; else they
   are made of normal windows of the validation part. Nothing of the test part is looked at.
3. Every point of `points` that the budget allows is tried, simple ones first, until the trials or the time are used up.
   Of those that fit, the simplest is shipped whose score is within a standard error of the best's (Breiman et al.,
   1984): some hundred windows, and anomalies that were made up, tell no finer.
4. The chosen one learns once more, from the normal windows of both parts, and keeps the threshold: its scores of normal
   windows can hardly become larger, for it knows more of what is normal. The figures remain those of before.
"""

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from factory import compiler, search, training
from factory.architectures import Autoencoder, Density, Detector, FrontEnd, Spectrum
from factory.artifacts import (
    TRAIN,
    VALIDATION,
    Budget,
    Candidate,
    Compiled,
    Dataset,
    Float32,
    Int64,
    Precision,
    Task,
    Trained,
    Trial,
    Variant,
)
from factory.errors import BadInput
from factory.executor import Pool, Shared, workers
from factory.pipeline.facts import model_facts, without_facts

NORMAL, ANOMALY = 0, 1  # as in every task of this kind
LEAST_NORMAL = 2  # windows in each of the parts
LEAST_REAL = 20  # labelled anomalies that are worth more than made ones
COMPARED = 1_000  # windows of each class; where there are fewer, they count several times
SEARCH_SHARE = 0.7  # of the time
SEEN = 20_000  # windows that an autoencoder sees in training
CALIBRATION_WINDOWS, PARITY_WINDOWS = 256, 512
MOST_VALUES = 16_000_000  # samples times channels that int8 ranges and parity are measured on
SECONDS_A_MINUTE = 60.0
WIDTHS = ((16, 4), (32, 8), (16, 8, 4))  # of autoencoders
KERNEL = 5
FRAMES = (256, 64, 16)  # samples, of spectra
LEAST_FRAMES = 4  # to a window
BANDS = 8
MIDDLES = 4
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


@dataclass(frozen=True)
class Work:
    """What every worker is handed, once."""

    shared: Shared  # X normal windows of the train part, V of the validation part; A anomalies to compare by
    budget: Budget
    seed: int
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Tried:
    """A detector in one precision: its file, what it is worth, and the limits that its file answers by."""

    compiled: Compiled
    scores: compiler.Scores
    limits: Mapping[str, Float32]
    fits: bool


def search_and_compile(
    dataset: Dataset,
    budget: Budget,
    seed: int,
    journal: search.Journal,
    progress: search.Progress,
    cluster: str | None = None,
) -> Candidate:
    """The best detector for `dataset` within `budget`. Trials in `journal` are not repeated.
    `cluster`: see `executor.workers`.

    Raises:
        BadInput: nothing can meet the budget, or a part of the data has no normal windows.
    """
    began = time.monotonic()
    train, held = _normal(dataset, TRAIN, "train"), _normal(dataset, VALIDATION, "validation")
    anomalies, real = _anomalies(dataset, held, seed)
    facts = {**model_facts(dataset), "outputs": "probabilities, score"}
    with workers(cluster=cluster) as pool, pool.share(X=train, V=held, A=anomalies) as shared:
        work = Work(shared, budget, seed, tuple(facts.items()))
        progress.stage("Searching detectors")
        hunt = _Hunt(pool, work, journal, progress, began + budget.minutes * SECONDS_A_MINUTE * SEARCH_SHARE)
        trials = hunt.run(affordable(dataset.task, without_facts(budget, facts)))
        chosen = choose(trials, min(len(held), len(anomalies)))
        progress.stage("Training the chosen one on all normal windows")
        tried, compiled = pool.submit(refit, work, _detector(chosen)).result()
    variants = tuple(
        Variant(new, old.scores.accuracy, old.scores.macro_f1, compiler.latency(new.onnx, held), old.fits)
        for old, new in zip(tried, compiled, strict=True)
    )
    ours = next(variant for variant in variants if variant.compiled.precision == chosen.precision)
    return Candidate(
        _detector(chosen),
        ours.compiled,
        variants,
        tuple(trials),
        chosen.number,
        time.monotonic() - began,
        why(chosen, trials, "labelled anomalies" if real else "anomalies made of normal windows"),
    )


def points(task: Task) -> list[Detector]:
    """What is tried for a task, simple ones first."""
    time_, channels = task.window, len(task.channels)

    def density(front: FrontEnd, *, level: bool, spread: bool, middles: int = 1) -> Density:
        return Density(time_, channels, len(task.classes), (), front, level, spread, middles)

    raw = FrontEnd()
    frames = [frame for frame in FRAMES if 2 * time_ >= (LEAST_FRAMES + 1) * frame]
    spectra = [FrontEnd(spectrum=Spectrum(frame, frame // 2, min(BANDS, frame // 2))) for frame in frames]
    found: list[Detector] = [
        density(raw, level=True, spread=False),
        density(raw, level=True, spread=True),
        density(raw, level=True, spread=True, middles=MIDDLES),
    ]
    found += [density(front, level=True, spread=False) for front in spectra]
    found += [density(raw, level=False, spread=True)]
    found += [
        Autoencoder(time_, channels, len(task.classes), (), raw, widths, KERNEL)
        for widths in WIDTHS
        if time_ >= 2 ** len(widths)
    ]
    return found + [density(front, level=True, spread=True) for front in spectra]


def affordable(task: Task, budget: Budget) -> list[Detector]:
    """The points that are predicted to fit.

    Raises:
        BadInput: there is none.
    """
    found = points(task)
    fitting = [point for point in found if search.affordable(point, budget)]
    if not fitting:
        least = [min(search.predict(point).values(), key=lambda cost: cost.file_bytes) for point in found]
        kb, macs = min(cost.file_bytes for cost in least) / search.KB, min(cost.macs for cost in least)
        cure = f"The smallest detector for this task takes {kb:.1f} kB, the fastest {macs} MACs a window"
        raise BadInput("budget", "no detector for this task fits it", cure)
    return fitting


def evaluate(work: Work, number: int, detector: Detector) -> Trial:
    """Train, compile, set the threshold, compare: one trial, in a worker (rules 1 and 2)."""
    began = time.monotonic()
    tried = _tried(work, detector)
    top = min(tried, key=lambda each: (not each.fits, -each.scores.mean, each.compiled.footprint.file_bytes))
    return Trial(
        number,
        search.encode(detector),
        top.compiled.precision,
        top.scores.accuracy,
        top.scores.macro_f1,
        top.compiled.footprint,
        _epochs(detector, len(work.shared.load()["X"])),
        time.monotonic() - began,
        top.fits,
        "points",
    )


def refit(work: Work, detector: Detector) -> tuple[list[Tried], list[Compiled]]:
    """The files of `evaluate`, and those of the same trained on all normal windows, in a worker (rule 4)."""
    data = work.shared.load()
    tried = _tried(work, detector)
    both = np.concatenate([data["X"], data["V"]])
    again = _trained(work, detector, both)
    return tried, [_compiled(work, again, both, each.limits, each.compiled.precision) for each in tried]


def choose(trials: Sequence[Trial], windows: int) -> Trial:
    """Rule 3; `windows`: how many different ones of a class there were to compare by.

    Raises:
        BadInput: no trial met the budget.
    """
    fitting = [trial for trial in trials if trial.fits]
    if not fitting:
        smallest = min(trial.footprint.file_bytes for trial in trials) / search.KB
        raise BadInput("budget.max_kb", "no compiled detector met the budget", f"The smallest took {smallest:.2f} kB")
    top = max(search.score(trial) for trial in fitting)
    error = math.sqrt(top * (1 - top) / windows)
    return next(trial for trial in fitting if search.score(trial) >= top - error)


def why(chosen: Trial, trials: Sequence[Trial], anomalies: str) -> str:
    """Why this detector, in two sentences."""
    return (
        f"Trial {chosen.number} was the simplest of {len(trials)} that is as good as the best but for chance: of "
        f"normal windows it had not learned from and of {anomalies}, {chosen.validation_accuracy:.3f} were told right, "
        f"as {chosen.precision}. Its threshold comes from normal windows alone, of which it takes at most "
        f"{training.FALSE_ALARMS:.0%} for anomalies."
    )


class _Hunt:
    """Rule 3: some trials at the same time, told in order."""

    def __init__(
        self, pool: Pool, work: Work, journal: search.Journal, progress: search.Progress, until: float
    ) -> None:
        self._pool, self._work, self._journal, self._progress, self._until = pool, work, journal, progress, until

    def run(self, detectors: Sequence[Detector]) -> list[Trial]:
        """The trials, by number."""
        wanted = detectors[: self._work.budget.max_trials]
        known = {trial.number: trial for trial in self._journal.trials()}
        running: list[Trial | Future[Trial]] = []
        finished: list[Trial] = []
        for number, detector in enumerate(wanted):
            if number and number not in known and time.monotonic() > self._until:
                break
            one = known.get(number) or self._pool.submit(evaluate, self._work, number, detector)
            running.append(one)
            if len(running) - len(finished) > self._pool.size:
                self._finish(running[len(finished)], finished, len(wanted))
        while len(finished) < len(running):
            self._finish(running[len(finished)], finished, len(wanted))
        return finished

    def _finish(self, one: Trial | Future[Trial], finished: list[Trial], count: int) -> None:
        trial = one if isinstance(one, Trial) else one.result()
        self._journal.record(trial)
        finished.append(trial)
        self._progress.finished(trial, search.best(finished), len(finished) / count)


def _normal(dataset: Dataset, part: int, name: str) -> Float32:
    windows = dataset.only(part)
    normal: Float32 = windows.X[windows.y == NORMAL]
    if len(normal) < LEAST_NORMAL:
        problem = f"the {name} part has {len(normal)} normal windows"
        raise BadInput("task.split", problem, "Give more normal data, or other shares in [split]")
    return normal


def _anomalies(dataset: Dataset, held: Float32, seed: int) -> tuple[Float32, bool]:
    """Anomalies to compare by, and whether they are real ones (rule 2)."""
    known = dataset.only(TRAIN, VALIDATION)
    real = known.X[known.y == ANOMALY]
    if len(real) >= LEAST_REAL:
        return real, True
    return training.synthetic(held, COMPARED, seed), False


def _spread(X: Float32) -> Float32:
    """`COMPARED` windows, evenly spread over X."""
    spread: Float32 = X[np.linspace(0, len(X) - 1, COMPARED).astype(int)]
    return spread


def _tried(work: Work, detector: Detector) -> list[Tried]:
    data = work.shared.load()
    trained = _trained(work, detector, data["X"])
    return [_in_precision(work, trained, precision) for precision in PRECISIONS]


def _in_precision(work: Work, trained: Trained, precision: Precision) -> Tried:
    """Rules 1 and 2."""
    data = work.shared.load()
    first = _compiled(work, trained, data["X"], {}, precision)
    limits = training.limits(compiler.Answerer(first.onnx).scores(data["V"]))
    compiled = _compiled(work, trained, data["X"], limits, precision)
    compared = np.concatenate([_spread(data["V"]), _spread(data["A"])])
    truth: Int64 = np.repeat([NORMAL, ANOMALY], COMPARED).astype(np.int64)
    scores = compiler.scores(compiler.answers(compiled.onnx, compared), truth)
    return Tried(compiled, scores, limits, search.fits(compiled.footprint, work.budget))


def _trained(work: Work, detector: Detector, normal: Float32) -> Trained:
    lesson = training.Lesson(normal, np.zeros(len(normal), np.int64))
    return training.train(detector, lesson, work.seed, _epochs(detector, len(normal)))


def _epochs(detector: Detector, windows: int) -> int:
    return 1 if isinstance(detector, Density) else training.epochs_for(windows, SEEN)


def _compiled(
    work: Work, trained: Trained, X: Float32, limits: Mapping[str, Float32], precision: Precision
) -> Compiled:
    """One file; int8 ranges and parity are measured on some of the windows X."""
    limited = dataclasses.replace(trained, weights={**trained.weights, **limits})
    most = max(1, MOST_VALUES // X[0].size)
    rows: npt.NDArray[np.int64] = np.random.default_rng(work.seed).permutation(len(X))[: min(PARITY_WINDOWS, most)]
    checked = X[rows]
    threshold = {"threshold": f"{float(limits['anomaly.threshold']):.6g}"} if limits else {}
    reference = compiler.Reference(
        checked[:CALIBRATION_WINDOWS], checked, training.answers(limited, checked), {**dict(work.facts), **threshold}
    )
    return compiler.compile_model(limited, precision, reference)


def _detector(trial: Trial) -> Detector:
    detector = search.decode(trial.architecture)
    assert isinstance(detector, Density | Autoencoder)
    return detector
