import math

import pytest

from factory.web import fmt

NOW = 1_780_000_000.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (1.9, "just now"),
        (2, "2 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3 * 3600, "3 h ago"),
        (50 * 3600, "2 d ago"),
        (-90, "in 1 min"),
        (40 * 86_400, "2026-04-18"),
    ],
)
def test_ago(seconds: float, words: str) -> None:
    assert fmt.ago(NOW - seconds, NOW) == words


@pytest.mark.parametrize("ts", [math.nan, math.inf, -1e300, 1e300])
def test_a_time_no_calendar_holds_does_not_break_the_page(ts: float) -> None:
    assert fmt.exact(ts).endswith("UTC")
    assert fmt.iso(ts).endswith("Z")
    assert fmt.ago(ts, NOW)


def test_exact_time_names_its_zone() -> None:
    assert fmt.exact(NOW) == "2026-05-28 20:26:40 UTC"
    assert fmt.iso(NOW) == "2026-05-28T20:26:40Z"
    assert fmt.day(NOW) == "2026-05-28"


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (3.14159, "3.14 µs"),
        (187.6, "188 µs"),
        (999.7, "1\u202f000 µs"),
        (1500, "1.50 ms"),
        (2.5e6, "2.50 s"),
        (math.nan, "\u2013"),
    ],
)
def test_durations(us: float, words: str) -> None:
    assert fmt.microseconds(us) == words


def test_what_is_unknown_is_a_dash_everywhere() -> None:
    answers = {
        fmt.percent(None),
        fmt.interval(None, None),
        fmt.microseconds(None),
        fmt.kilobytes(None),
        fmt.count(None),
        fmt.rate(None),
        fmt.short(None),
    }
    assert answers == {fmt.NONE}


def test_numbers_carry_three_digits_that_count() -> None:
    assert [fmt.rate(value) for value in (0.5, 2, 12.34, 123.4, 12345)] == [
        "0.50/s",
        "2.00/s",
        "12.3/s",
        "123/s",
        "12\u202f345/s",
    ]


def test_shares() -> None:
    assert fmt.percent(0.9284) == "92.8 %"
    assert fmt.percent(0.5, 0) == "50 %"
    assert fmt.interval(0.915, 0.939) == "91.5\u201393.9 %"
    assert fmt.kilobytes(14_300) == "14.3 kB"
