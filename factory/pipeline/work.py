"""What a build has done in worker processes: train, compile in every precision, answer through onnxruntime."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from factory import compiler, search, training
from factory.architectures import Architecture
from factory.artifacts import Budget, Compiled, Float32, Footprint, Int64, Precision, Trained, Trial
from factory.executor import Shared

SEARCH_WINDOWS = 20_000  # that a whole trial sees in training
CALIBRATION_WINDOWS = 256
PARITY_WINDOWS = 512
MOST_VALUES = 16_000_000  # samples times channels that int8 ranges and parity are measured on
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


@dataclass(frozen=True)
class Work:
    """What every worker is handed, once: data, budget, seed, and the facts that are stamped into each file."""

    shared: Shared
    budget: Budget
    seed: int
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Member:
    """An architecture that is trained for longer: until it has seen about `seen` windows."""

    architecture: Architecture
    seen: int


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said of windows that it was not trained on."""

    held: Mapping[Precision, Float32]  # (n, classes), windows of the fold that was left out
    unlabelled: Float32  # (m, classes), windows that nobody labelled
    footprint: Mapping[Precision, Footprint]


def evaluate(work: Work, number: int, proposal: search.Proposal) -> Trial:
    """Train on the train part (X, y), compile, score on the validation part (Xv, yv): one trial of the search."""
    began = time.monotonic()
    data = work.shared.load()
    X, y = data["X"], data["y"]
    member = Member(proposal.architecture, round(SEARCH_WINDOWS * proposal.effort))
    trained = _trained(work, member, training.Lesson(X, y))
    compiled = _compiled(work, trained, X)
    scored = [(each, compiler.scores(compiler.answers(each.onnx, data["Xv"]), data["yv"])) for each in compiled]
    best, scores = max(scored, key=lambda pair: (_fits(work, pair[0]), pair[1].mean, -len(pair[0].onnx)))
    return Trial(
        number,
        search.encode(proposal.architecture),
        best.precision,
        scores.accuracy,
        scores.macro_f1,
        best.footprint,
        trained.epochs,
        time.monotonic() - began,
        _fits(work, best),
        proposal.strategy,
        proposal.effort,
    )


def answer(work: Work, member: Member, held: npt.NDArray[np.bool_]) -> Answers:
    """Train on every window (X, y) but those held back (n,), and answer these."""
    data = work.shared.load()
    rest, windows = data["X"][~held], data["X"][held]
    compiled = _compiled(work, _trained(work, member, training.Lesson(rest, data["y"][~held])), rest)
    return Answers(
        {each.precision: compiler.answers(each.onnx, windows) for each in compiled},
        compiler.answers(compiled[0].onnx, data["U"]) if len(data["U"]) else np.empty((0, 0), np.float32),
        {each.precision: each.footprint for each in compiled},
    )


def fit(work: Work, member: Member, soft: Float32 | None, temperature: float) -> list[Compiled]:
    """The files of the model that is shipped: trained on every window there is.

    `soft` (n + m, classes): what a teacher says, if there is one, of the labelled windows (X) and of those that nobody
    labelled (U).
    """
    data = work.shared.load()
    trained = _trained(work, member, _lesson(data["X"], data["y"], data["U"], soft))
    return _compiled(work, training.tempered(trained, temperature), data["X"])


def _trained(work: Work, member: Member, lesson: training.Lesson) -> Trained:
    epochs = training.epochs_for(len(lesson.y), member.seen, member.architecture.length)
    return training.train(member.architecture, lesson, work.seed, epochs)


def _lesson(X: Float32, y: Int64, unlabelled: Float32, soft: Float32 | None) -> training.Lesson:
    if soft is None or not len(unlabelled):
        return training.Lesson(X, y, soft)
    unknown = np.full(len(unlabelled), training.UNKNOWN, np.int64)
    return training.Lesson(np.concatenate([X, unlabelled]), np.concatenate([y, unknown]), soft)


def _compiled(work: Work, trained: Trained, X: Float32) -> list[Compiled]:
    """One file a precision; int8 ranges and parity are measured on some of the windows X."""
    most = max(1, MOST_VALUES // X[0].size)
    rows = np.random.default_rng(work.seed).permutation(len(X))[: min(PARITY_WINDOWS, most)]
    checked = X[rows]
    reference = compiler.Reference(
        checked[:CALIBRATION_WINDOWS], checked, training.answers(trained, checked), dict(work.facts)
    )
    return [compiler.compile_model(trained, precision, reference) for precision in PRECISIONS]


def _fits(work: Work, compiled: Compiled) -> bool:
    return search.fits(compiled.footprint, work.budget)
