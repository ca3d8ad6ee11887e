import random

import pytest

from factory.search.space import Decision, at_random
from factory.search.space.choices import NEIGHBOUR, Recorder, Value, another, nearest, replay

NEAREST = {
    "an option": ((3, 5, 7), 5, 5),
    "a number between": ((3, 5, 9), 8, 9),
    "a number beyond": ((3, 5, 7), 100, 7),
    "text that is none": (("a", "b"), "c", "a"),
    "a truth value": ((False, True), True, True),
    "a fraction": ((0.0, 0.1, 0.3), 0.25, 0.3),
}


@pytest.mark.parametrize(("options", "value", "expected"), NEAREST.values(), ids=NEAREST.keys())
def test_what_is_no_option_becomes_the_nearest(options: tuple[Value, ...], value: Value, expected: Value) -> None:
    assert nearest(options, value) == expected


def test_a_replay_gives_known_answers_and_asks_for_others() -> None:
    recorder = Recorder(replay({"kernel": 7}, at_random(random.Random(0))))
    assert recorder("kernel", (3, 5, 7)) == 7
    assert recorder("width", (4,)) == 4
    assert recorder.decisions == [Decision("kernel", (3, 5, 7), 7), Decision("width", (4,), 4)]


def test_a_decision_knows_where_it_stands() -> None:
    decision = Decision("convnet.2.kernel", (3, 5, 7), 5)
    assert (decision.part, decision.index) == ("convnet.2", 1)


def test_a_change_is_always_another_option_and_of_numbers_mostly_a_neighbour() -> None:
    rng, width = random.Random(0), Decision("width", (4, 8, 16, 32, 64), 16)
    changed = [another(width, rng) for _ in range(500)]
    assert set(changed) == {4, 8, 32, 64}
    assert sum(value in {8, 32} for value in changed) / 500 == pytest.approx(NEIGHBOUR + (1 - NEIGHBOUR) / 2, abs=0.06)
    view = Decision("view", ("signals", "spectrum"), "signals")
    assert {another(view, rng) for _ in range(10)} == {"spectrum"}
    assert another(Decision("edge", (1, 2, 3), 3), random.Random(1)) in {1, 2}
