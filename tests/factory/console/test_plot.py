"""The plot of text: everything has its place, whatever the size of the window."""

import pytest

from factory.artifacts import Footprint, Trial
from factory.console.plot import scatter


def trial(number: int, kb: float, accuracy: float, *, fits: bool = True) -> Trial:
    return Trial(number, {}, "int8", accuracy, accuracy, Footprint(1000, 1, 1, round(1000 * kb)), 1, 1.0, fits)


def test_a_front_rises_to_the_right_and_the_budget_is_a_line() -> None:
    trials = [trial(0, 4, 0.80), trial(1, 16, 0.90), trial(2, 20, 0.82), trial(3, 80, 0.95, fits=False)]
    assert scatter(trials, 47, 8, max_kb=32) == [
        "  95 %┤                           │          x",
        "      ┤                  ●        │",
        "      ┤                           │",
        "      ┤                           │",
        "      ┤                           │",
        "  80 %┤ ●                   ·     │",
        "      └────────────────────────────────────────",
        "        4        8       16       32         kB",
    ]


@pytest.mark.parametrize("width", [31, 40, 80, 200])
@pytest.mark.parametrize("height", [6, 12, 50])
@pytest.mark.parametrize("max_kb", [None, 0.5, 3.0, 5000.0])
@pytest.mark.parametrize(
    "trials",
    [
        pytest.param([trial(0, 10, 0.5)], id="one trial"),
        pytest.param([trial(i, 10, 0.5) for i in range(5)], id="all equal"),
        pytest.param(
            [trial(i, 10.0**i, i / 4, fits=bool(i % 2)) for i in range(5)], id="from 1 kB to 10 MB, 0 to 100 %"
        ),
    ],
)
def test_it_has_the_size_it_is_given(trials: list[Trial], width: int, height: int, max_kb: float | None) -> None:
    lines = scatter(trials, width, height, max_kb)
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert any(mark in "".join(lines) for mark in "●x")


@pytest.mark.parametrize(
    ("trials", "width", "height"), [([], 80, 20), ([trial(0, 1, 1)], 30, 20), ([trial(0, 1, 1)], 80, 5)]
)
def test_there_is_none_without_trials_or_room(trials: list[Trial], width: int, height: int) -> None:
    assert scatter(trials, width, height) == []
