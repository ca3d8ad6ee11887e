import dataclasses

import numpy as np
import pytest

from factory.architectures import Block, Convnet, FrontEnd, Head
from factory.artifacts import Budget, Footprint, Precision, Trial
from factory.compiler import Scores
from factory.errors import BadInput
from factory.pipeline import choice
from factory.pipeline.work import Member

ARCHITECTURE = Convnet(64, 3, 3, (), FrontEnd(), (Block(8, 5),), Head())
WINDOWS, EPOCHS, SEEN = 1000, 10, 40_000
TRAINING_S = 4.0 * SEEN / (WINDOWS * EPOCHS)  # of one finalist


def trial(number: int, accuracy: float = 0.9, seconds: float = 4.0) -> Trial:
    return Trial(
        number, {}, "int8", accuracy, accuracy, Footprint(1, 1, 1, 1), EPOCHS, seconds, True, strategy="evolution"
    )


def pace(left_s: float | None) -> choice.Pace:
    return choice.Pace(WINDOWS, 1, left_s, trials=16)


FINALISTS = [trial(number) for number in range(8)]


def test_when_time_does_not_matter_the_best_plan_is_carried_out() -> None:
    plan = choice.plan(FINALISTS, SEEN, pace(None))
    assert (plan.folds, len(plan.finalists), plan.teachers, plan.seen) == (5, 6, 3, SEEN)


@pytest.mark.parametrize(("trials", "trainings"), [(1, 3), (2, 4), (8, 21), (16, 45)])
def test_who_has_searched_little_is_not_kept_waiting(trials: int, trainings: int) -> None:
    plan = choice.plan(FINALISTS[:trials], SEEN, choice.Pace(WINDOWS, 1, None, trials))
    assert plan.trainings == trainings


PLANS = {
    "enough for everything": ((5 * (6 + 9) + 2.5) * TRAINING_S, (5, 6, 3, SEEN)),
    "a little less": ((5 * (6 + 9) + 2.5) * TRAINING_S - 1, (5, 4, 3, SEEN)),
    "enough for two folds of the best": ((2 * 1 + 2.5) * TRAINING_S, (2, 1, 0, SEEN)),
    "half of that": ((2 * 1 + 2.5) * TRAINING_S / 2, (2, 1, 0, SEEN // 2)),
    "no time at all": (-5.0, (2, 1, 0, WINDOWS * EPOCHS)),
}


@pytest.mark.parametrize(("left_s", "expected"), PLANS.values(), ids=PLANS.keys())
def test_plans_follow_the_time_that_is_left(left_s: float, expected: tuple[int, int, int, int]) -> None:
    plan = choice.plan(FINALISTS, SEEN, pace(left_s))
    assert (plan.folds, len(plan.finalists), plan.teachers, plan.seen) == expected


def test_two_trainings_at_once_take_half_the_time_but_the_last_one_does_not() -> None:
    plan = choice.plan(FINALISTS, SEEN, pace(None))
    alone, together = (choice.seconds_of(plan, choice.Pace(WINDOWS, at_once, None, 16)) for at_once in (1, 2))
    assert together == pytest.approx((alone - 2.5 * TRAINING_S) / 2 + 2.5 * TRAINING_S)


def test_what_was_trained_for_long_already_takes_as_long_again() -> None:
    assert choice.training_seconds(trial(0), seen=WINDOWS, windows=WINDOWS) == 4.0


def pick(number: int, mean: float, kb: float, *, fits: bool = True) -> choice.Pick:
    footprint: dict[Precision, Footprint] = {
        "fp32": Footprint(1, 1, 1, int(4000 * kb)),
        "int8": Footprint(1, 1, 1, int(1000 * kb)),
    }
    nothing = np.empty((0, 3), np.float32)
    final = choice.Final(
        trial(number), Member(ARCHITECTURE, SEEN), dict.fromkeys(footprint, nothing), nothing, footprint
    )
    return choice.Pick(final, trial(number), "int8", Scores(mean, mean), fits)


def best(*picks: choice.Pick) -> int:
    return choice.ranked(picks)[0].trial.number


def test_the_best_that_fits_comes_first() -> None:
    assert best(pick(0, 0.9, 10), pick(1, 0.95, 20)) == 1
    assert best(pick(0, 0.9, 10), pick(1, 0.95, 20, fits=False)) == 0


def test_of_equals_the_smaller_comes_first_and_of_these_the_earlier() -> None:
    assert best(pick(0, 0.9, 20), pick(1, 0.9 - choice.EQUAL_SCORE / 2, 10)) == 1
    assert best(pick(1, 0.9, 10), pick(0, 0.9, 10)) == 0


def test_what_is_behind_comes_by_its_score_whatever_its_size() -> None:
    order = choice.ranked([pick(0, 0.8, 1), pick(1, 0.95, 20), pick(2, 0.85, 30)])
    assert [each.trial.number for each in order] == [1, 2, 0]


def test_nothing_that_fits_is_an_error_that_names_the_smallest() -> None:
    with pytest.raises(BadInput, match=r"10\.00 kB"):
        choice.ranked([pick(0, 0.9, 10, fits=False), pick(1, 0.9, 12, fits=False)])


def test_who_knows_as_much_as_the_teacher_is_not_taught() -> None:
    assert choice.worth_teaching(pick(0, 0.9, 10), Scores(0.92, 0.92))
    assert not choice.worth_teaching(pick(0, 0.9, 10), Scores(0.901, 0.901))


def test_a_teacher_that_is_often_wrong_teaches_nobody() -> None:
    assert not choice.worth_teaching(pick(0, 0.74, 10), Scores(0.8, 0.8))


def test_picks_score_what_was_answered_out_of_fold_and_leave_out_further_teachers() -> None:
    y = np.array([0, 1, 2, 1])
    right = np.eye(3, dtype=np.float32)[y]
    final = dataclasses.replace(pick(0, 0.5, 10).final, answers={"fp32": right, "int8": right[[1, 1, 2, 1]]})
    scored = choice.picks([final, dataclasses.replace(final, trial=None)], y, Budget(max_kb=20))
    assert [(each.precision, each.scores.accuracy, each.fits) for each in scored] == [
        ("fp32", 1.0, False),
        ("int8", 0.75, True),
    ]
