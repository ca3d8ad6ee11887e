"""Numbers and times as people read them: the filters of the templates."""

import math
from datetime import UTC, datetime

NONE = "\u2013"  # an en dash
_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (30 * 86_400, 86_400, "d"))
JUST_NOW_S = 2
DIGITS = 3
_LAST = 253_402_300_799.0  # the end of the year 9999


def exact(ts: float) -> str:
    """Date and time in UTC, to the second."""
    return f"{_utc(ts):%Y-%m-%d %H:%M:%S} UTC"


def day(ts: float) -> str:
    """The date in UTC."""
    return f"{_utc(ts):%Y-%m-%d}"


def iso(ts: float) -> str:
    """What a <time> element's datetime holds."""
    return f"{_utc(ts):%Y-%m-%dT%H:%M:%SZ}"


def ago(ts: float, now: float) -> str:
    """How long ago, or how far ahead; the date where that is more than a month. `static/live.js` says the same."""
    apart = abs(now - ts)
    if apart < JUST_NOW_S:
        return "just now"
    for below, unit, name in _STEPS:
        if apart < below:
            amount = f"{int(apart // unit)} {name}"
            return f"{amount} ago" if ts <= now else f"in {amount}"
    return day(ts)


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as per cent."""
    return NONE if share is None else f"{100 * share:.{digits}f} %"


def interval(low: float | None, high: float | None) -> str:
    """Two shares of 1 as an interval in per cent."""
    return NONE if low is None or high is None else f"{100 * low:.1f}\u2013{100 * high:.1f} %"


def microseconds(us: float | None) -> str:
    """A duration with the unit that suits it."""
    if us is None or not math.isfinite(us):
        return NONE
    for below, scale, unit in ((1e3, 1, "µs"), (1e6, 1e3, "ms")):
        if us < below:
            return f"{_three(us / scale)} {unit}"
    return f"{_three(us / 1e6)} s"


def kilobytes(length: float | None) -> str:
    """Bytes as kB of 1000 bytes."""
    return NONE if length is None else f"{_three(length / 1000)} kB"


def count(n: float | None) -> str:
    """A count, with thin spaces between thousands."""
    return NONE if n is None else f"{n:,.0f}".replace(",", "\u202f")


def rate(per_second: float | None) -> str:
    """Something a second."""
    return NONE if per_second is None else f"{_three(per_second)}/s"


def short(digest: str | None) -> str:
    """The first eight digits of a digest."""
    return NONE if digest is None else digest[:8]


def _three(value: float) -> str:
    """Three digits that count."""
    before = len(f"{value:.0f}")
    return count(value) if before >= DIGITS else f"{value:.{DIGITS - before}f}"


def _utc(ts: float) -> datetime:
    """A device may claim any time: what no calendar holds is shown as the nearest that one does."""
    return datetime.fromtimestamp(min(max(ts, 0.0), _LAST) if math.isfinite(ts) else 0.0, UTC)


FILTERS = {
    "exact": exact,
    "day": day,
    "iso": iso,
    "percent": percent,
    "us": microseconds,
    "kb": kilobytes,
    "count": count,
    "rate": rate,
    "short": short,
}
