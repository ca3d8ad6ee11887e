"""What a person sees of a build, on a terminal of any size and without one."""

import io
from dataclasses import replace

import pytest
from rich.console import Console as Terminal

from factory.artifacts import Footprint, Trial
from factory.console import BuildDisplay, Console
from factory.console.building import duration

TRIAL = Trial(0, {}, "int8", 0.912, 0.9, Footprint(120_000, 900, 4000, 24_000), 10, 3.0, fits=True)
OTHER = replace(TRIAL, number=1, validation_accuracy=0.5, strategy="evolution", fits=False)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_every_event_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Console().building(32.0) as progress:
        progress.stage("searching [fast]")
        progress.finished(TRIAL, TRIAL, 0.25)
        progress.finished(OTHER, TRIAL, 0.5)
        progress.stage("Signing")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "… Searching [fast]"
    assert lines[1].startswith("  trial 0: 91.2 %, 24.0 kB, 120k MACs, int8; best 91.2 %, 24.0 kB; 25% of the search")
    assert "trial 1 by evolution: 50.0 %, 24.0 kB, 120k MACs, int8, over the budget; best 91.2 %" in lines[2]
    assert lines[3].startswith("✓ Searching [fast] (2 trials) ")
    assert lines[4] == "… Signing"
    assert lines[5].startswith("✓ Signing ")


def test_nothing_is_said_of_a_stage_that_was_not_finished(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "✓" not in capsys.readouterr().err


def interrupted() -> None:
    with Console().building() as progress:
        progress.stage("Searching")
        raise KeyboardInterrupt


def drawn(width: int, height: int, trials: int = 12) -> list[str]:
    """The picture in a window of this size, after some trials."""
    clock = Clock()
    terminal = Terminal(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)
    display = BuildDisplay(terminal, 32.0, clock)
    display.stage("Searching architectures")
    for number in range(trials):
        clock.now += 3
        cost = replace(TRIAL.footprint, file_bytes=3000 * (number + 1))
        strategy = "defaults" if number < 3 else "evolution"
        trial = replace(TRIAL, number=number, strategy=strategy, validation_accuracy=0.8 + number / 100, footprint=cost)
        display.finished(trial, trial, (number + 1) / 24)
    with terminal.capture() as captured:
        terminal.print(display)
    return captured.get().splitlines()


def test_a_terminal_shows_what_was_found_and_how_long_it_takes() -> None:
    picture = "\n".join(drawn(100, 40))
    for said in (
        "Searching architectures",
        "50%  36.0 s left",
        "best  91.0 %, 36.0 kB, 120k MACs, int8 (trial 11, evolution)",
    ):
        assert said in picture
    for said in ("●", "kB", "defaults          3 trials  best 82.0 %", "evolution         9 trials  best 91.0 %"):
        assert said in picture


@pytest.mark.parametrize("width", [1, 8, 20, 40, 60, 80, 250])
@pytest.mark.parametrize("height", [3, 10, 16, 24, 80])
@pytest.mark.parametrize("trials", [0, 1, 12])
def test_the_picture_fits_every_window(width: int, height: int, trials: int) -> None:
    lines = drawn(width, height, trials)
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 5)


def test_trials_of_an_earlier_run_do_not_count_as_this_ones_pace() -> None:
    clock = Clock()
    display = BuildDisplay(Terminal(file=io.StringIO()), None, clock)
    display.stage("Searching")
    for number in range(10):
        display.finished(replace(TRIAL, number=number), TRIAL, (number + 1) / 20)
    assert display.left_s() is None
    clock.now += 30
    display.finished(replace(TRIAL, number=10), TRIAL, 0.6)
    assert display.left_s() == pytest.approx(120)


@pytest.mark.parametrize(("seconds", "said"), [(2.44, "2.4 s"), (60, "1:00"), (185, "3:05"), (3723, "1:02:03")])
def test_durations_read_well(seconds: float, said: str) -> None:
    assert duration(seconds) == said
