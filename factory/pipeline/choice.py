"""Which finalists, how many folds, which model in the end. Pure.

Rules
1. As many finalists and folds as the time allows, by `PLANS`; where not even the least of them fits, that one is
   trained for less long. Where the number of trials ended the search, time does not matter, but how much was searched:
   there are at most `TRAININGS_A_TRIAL`. A lone finalist has no teacher.
2. A finalist's score is that of its answers to windows it was not trained on, over all folds, as its compiled file
   gives them through onnxruntime.
3. Of what fits the budget the best is chosen; where scores are within `EQUAL_SCORE`, the smaller file. Latency is
   reported, and decides nothing: it is never twice the same, and a study that was killed must end where it would have
   ended.
4. What all finalists say together teaches the chosen one, if that is worth `TEACHER_LEAD` more than what it says alone
   and is right in `LEAST_TEACHER` of the windows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from factory import compiler, search
from factory.artifacts import Budget, Float32, Footprint, Int64, Precision, Trial, Variant
from factory.errors import BadInput
from factory.pipeline.work import PRECISIONS, Member

PLANS = (  # (folds, finalists, further teachers), the best first
    (5, 6, 3),
    (5, 4, 3),
    (3, 4, 3),
    (3, 3, 2),
    (3, 2, 1),
    (2, 2, 0),
    (2, 1, 0),
)
TRAININGS_A_TRIAL = 3
LAST_COST = 2.5  # of the last training, on every window and for longer, in those of a fold
TEACHER_COST = 3.0  # of a further teacher, which no budget limits, in trainings of the slowest finalist
EQUAL_SCORE = 0.001
TEACHER_LEAD = 0.003  # that a teacher needs over its pupil
LEAST_TEACHER = 0.9  # accuracy; one that is wrong more often, for want of windows in a fold, would teach its mistakes


@dataclass(frozen=True)
class Plan:
    """What is done with the time that the search has left."""

    finalists: tuple[Trial, ...]
    teachers: int  # further ones, which no budget limits
    folds: int
    seen: int  # windows, by each training of the cross-validation

    @property
    def trainings(self) -> int:
        """Of the cross-validation."""
        return self.folds * (len(self.finalists) + self.teachers)


@dataclass(frozen=True)
class Pace:
    """What a plan is reckoned with."""

    windows: int  # of the train part
    at_once: int  # trainings
    left_s: float | None  # None: time does not matter
    trials: int


@dataclass(frozen=True, eq=False)
class Final:
    """A finalist after cross-validation (rule 2)."""

    trial: Trial | None  # None: a further teacher, which no budget limits
    member: Member
    answers: Mapping[Precision, Float32]  # (n, classes), out of fold
    unlabelled: Float32  # (m, classes), mean over the folds
    footprint: Mapping[Precision, Footprint]  # the largest over the folds


@dataclass(frozen=True, eq=False)
class Pick:
    """A finalist in one precision, and what it is worth."""

    final: Final
    trial: Trial
    precision: Precision
    scores: compiler.Scores
    fits: bool

    @property
    def file_bytes(self) -> int:
        """Size of its file."""
        return self.final.footprint[self.precision].file_bytes


def plan(finalists: Sequence[Trial], seen: int, pace: Pace) -> Plan:
    """The most that the time allows (rule 1); finalists come best first."""
    plans = [
        Plan(tuple(finalists[:count]), min(teachers, len(finalists) - 1), folds, seen)
        for folds, count, teachers in PLANS
    ]
    if pace.left_s is None:
        within = (each for each in plans if each.trainings <= TRAININGS_A_TRIAL * pace.trials)
        return next(within, plans[-1])
    for each in plans:
        if seconds_of(each, pace) <= pace.left_s:
            return each
    least = plans[-1]
    share = max(pace.left_s, 0.0) / seconds_of(least, pace)
    return replace(least, seen=max(round(seen * share), least.finalists[0].epochs * pace.windows))


def seconds_of(planned: Plan, pace: Pace) -> float:
    """How long a plan takes: every finalist and teacher in every fold, then one of them on everything."""
    each = [training_seconds(trial, planned.seen, pace.windows) for trial in planned.finalists]
    further = TEACHER_COST * planned.teachers * max(each)
    return planned.folds * (sum(each) + further) / pace.at_once + LAST_COST * max(each)


def training_seconds(trial: Trial, seen: int, windows: int) -> float:
    """How long the trial's architecture takes to see so many windows; no less than the trial itself took.

    What does not learn by gradient, and so has no epochs, sees every window once, however many it might.
    """
    return trial.seconds * max(1.0, seen / (trial.epochs * windows) if trial.epochs else 1.0)


def picks(finals: Sequence[Final], y: Int64, budget: Budget) -> list[Pick]:
    """Every finalist in every precision."""
    return [
        Pick(
            final,
            final.trial,
            each,
            compiler.scores(final.answers[each], y),
            search.fits(final.footprint[each], budget),
        )
        for final in finals
        if final.trial is not None
        for each in PRECISIONS
    ]


def ranked(scored: Sequence[Pick]) -> list[Pick]:
    """What fits the budget, in the order of preference (rule 3).

    Raises:
        BadInput: nothing fits.
    """
    fitting = [each for each in scored if each.fits]
    if not fitting:
        smallest = min(each.file_bytes for each in scored) / search.KB
        raise BadInput("budget", "no finalist met the budget", f"The smallest took {smallest:.2f} kB; allow a bit more")
    top = max(each.scores.mean for each in fitting)

    def preference(pick: Pick) -> tuple[bool, float, int]:
        behind = pick.scores.mean < top - EQUAL_SCORE
        return behind, -pick.scores.mean if behind else pick.file_bytes, pick.trial.number

    return sorted(fitting, key=preference)


def worth_teaching(pick: Pick, teacher: compiler.Scores) -> bool:
    """Whether the teacher knows more than the pupil does, and is not wrong too often itself (rule 4)."""
    return teacher.accuracy >= LEAST_TEACHER and teacher.mean > pick.scores.mean + TEACHER_LEAD


def why(chosen: Pick, finals: Sequence[Final], teacher: compiler.Scores) -> str:
    """Why this model, for people."""
    finalists = sum(final.trial is not None for final in finals)
    taught = (
        f"It learned from the labels and from all {len(finals)} models together ({teacher.accuracy:.3f})"
        if worth_teaching(chosen, teacher)
        else f"All {len(finals)} models together ({teacher.accuracy:.3f}) had nothing to teach it"
    )
    return (
        f"Trial {chosen.trial.number} ({chosen.trial.strategy}) was the best of {finalists} that were cross-validated: "
        f"accuracy {chosen.scores.accuracy:.3f} on windows it had not learned from, as {chosen.precision}. {taught}."
    )


def verdict(shipped: Variant, other: Variant) -> str:
    """What the other precision would have brought."""
    reason = "over the budget" if not other.fits else "not better by more than noise, or not smaller"
    return f"Shipped as {_described(shipped)}. As {_described(other)} it is {reason}."


def _described(variant: Variant) -> str:
    kb = variant.compiled.footprint.file_bytes / search.KB
    return (
        f"{variant.compiled.precision} ({kb:.1f} kB, {variant.latency.p50_us:.0f} us a window, accuracy "
        f"{variant.validation_accuracy:.3f})"
    )
