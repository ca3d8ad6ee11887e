"""The rule for windows against a reading of it that a child could follow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import windows


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 20))
def test_windows_are_what_the_rules_say_read_word_by_word(samples: int, length: int, hop: int) -> None:
    expected = []
    start = 0
    while start < samples:
        if all(sample < samples for sample in range(start, start + length)):
            expected.append(start)
        start += hop
    assert list(windows.window_starts(samples, length, hop)) == expected


@pytest.mark.parametrize(
    ("samples", "length", "hop", "expected"),
    [
        pytest.param(10, 4, 2, [0, 2, 4, 6], id="the last window ends with the recording"),
        pytest.param(11, 4, 2, [0, 2, 4, 6], id="an incomplete last window is not made"),
        pytest.param(4, 4, 9, [0], id="a recording of one window"),
        pytest.param(3, 4, 1, [], id="a recording shorter than a window"),
        pytest.param(0, 4, 1, [], id="an empty recording"),
        pytest.param(10, 2, 5, [0, 5], id="a hop longer than a window leaves gaps"),
    ],
)
def test_windows_of_a_recording(samples: int, length: int, hop: int, expected: list[int]) -> None:
    assert list(windows.window_starts(samples, length, hop)) == expected


def test_a_window_lasts_to_one_sample_period_after_its_last_sample() -> None:
    assert windows.window_interval(100.0, 50, 25.0) == (100.0, 102.0)


@given(st.text(max_size=10), st.integers(0, 99), st.text(max_size=10), st.integers(0, 99))
def test_two_windows_never_share_a_name(recording: str, start: int, other: str, other_start: int) -> None:
    same = (recording, start) == (other, other_start)
    assert (windows.inference_id(recording, start) == windows.inference_id(other, other_start)) == same
