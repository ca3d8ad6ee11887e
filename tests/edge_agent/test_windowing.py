"""However a stream is chopped up, the windows are those of the rule."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.windowing import Position, Reading, Window, Windower
from protocol.windows import inference_id, window_interval, window_starts

RATE_HZ, T0 = 10.0, 1000.0


def reading(recording: str, first: int, end: int) -> Reading:
    """Samples whose value is their number."""
    return Reading(recording, T0, first, np.arange(first, end, dtype=np.float32)[:, None])


def by_the_rule(recording: str, samples: int, length: int, hop: int) -> list[tuple[str, float, float, list[float]]]:
    return [
        (
            inference_id(recording, start),
            *window_interval(T0 + start / RATE_HZ, length, RATE_HZ),
            [float(value) for value in range(start, start + length)],
        )
        for start in window_starts(samples, length, hop)
    ]


def plain(windows: list[Window]) -> list[tuple[str, float, float, list[float]]]:
    return [(one.inference_id, one.t0, one.t1, one.samples[:, 0].tolist()) for one in windows]


chops = st.lists(st.integers(1, 17), min_size=1, max_size=12)
sizes = st.tuples(st.integers(1, 12), st.integers(1, 15))


def stream(recordings: list[list[int]]) -> list[Reading]:
    """Recordings that come in pieces of these lengths."""
    readings = []
    for number, pieces in enumerate(recordings):
        edges = np.cumsum([0, *pieces]).tolist()
        readings += [reading(f"r{number}", a, b) for a, b in pairwise(edges)]
    return readings


@given(st.lists(chops, min_size=1, max_size=4), sizes)
def test_windows_are_those_of_the_rule(recordings: list[list[int]], size: tuple[int, int]) -> None:
    windower = Windower(*size, RATE_HZ)
    made = [window for one in stream(recordings) for window in windower.push(one)]
    expected = [w for number, pieces in enumerate(recordings) for w in by_the_rule(f"r{number}", sum(pieces), *size)]
    assert plain(made) == expected


@given(st.lists(chops, min_size=1, max_size=3), sizes, st.data())
def test_a_stream_opened_again_at_the_position_goes_on_exactly_there(
    recordings: list[list[int]], size: tuple[int, int], data: st.DataObject
) -> None:
    readings = stream(recordings)
    kept = data.draw(st.integers(1, len(readings)))
    before, after = Windower(*size, RATE_HZ), None
    made = [window for one in readings[:kept] for window in before.push(one)]
    position = before.position
    assert position is not None
    after = Windower(*size, RATE_HZ, position)
    names = [one.recording for one in readings]
    for one in readings[names.index(position.recording) :]:
        skip = max(0, position.index - one.index) if one.recording == position.recording else 0
        if skip < len(one.samples):
            made += after.push(Reading(one.recording, T0, one.index + skip, one.samples[skip:]))
    whole = Windower(*size, RATE_HZ)
    assert plain(made) == plain([window for one in readings for window in whole.push(one)])


def test_no_window_reaches_over_a_gap_and_starts_stay_multiples_of_the_hop() -> None:
    windower = Windower(4, 3, RATE_HZ)
    made = [window for one in (reading("r", 0, 6), reading("r", 8, 20)) for window in windower.push(one)]
    assert [one.inference_id for one in made] == ["r@0", "r@9", "r@12", "r@15"]


def test_windows_before_the_place_to_resume_are_not_made_again() -> None:
    windower = Windower(4, 2, RATE_HZ, Position("r", 6))
    made = windower.push(reading("r", 0, 12))
    assert [one.inference_id for one in made] == ["r@6", "r@8"]


def test_the_tail_lets_another_model_take_over_without_a_hole() -> None:
    first, second = Windower(4, 2, RATE_HZ), Windower(4, 2, RATE_HZ)
    made = first.push(reading("r", 0, 7))
    assert first.tail is not None
    made += second.push(first.tail)
    made += second.push(reading("r", 7, 12))
    assert plain(made) == by_the_rule("r", 12, 4, 2)


@pytest.mark.parametrize(("hop", "next_start"), [(2, 6), (10, 10)], ids=["overlapping", "with pauses"])
def test_the_position_is_the_next_windows_start(hop: int, next_start: int) -> None:
    windower = Windower(4, hop, RATE_HZ)
    windower.push(reading("r", 0, 9))
    assert windower.position == Position("r", next_start)
