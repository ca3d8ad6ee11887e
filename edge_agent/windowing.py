"""A stream of samples, cut into windows by the rules of `protocol.windows`. Pure.

Rules
1. Readings of one recording follow each other; where a sample is missing (a gap) or a new recording begins, cutting
   begins afresh, at the next sample that is a multiple of the hop.
2. `position` is the first sample that is still needed. A stream that is opened there again goes on exactly where this
   one stopped.
3. Windows before `resume`, where one is given, have been made before and are not made again.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocol.windows import inference_id, window_interval, window_starts

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Position:
    """A place in a sensor's stream: a sample, by its number in its recording."""

    recording: str
    index: int


@dataclass(frozen=True, eq=False)
class Reading:
    """Some consecutive samples [k, channels] of a recording; `t0` is the time of the recording's first sample, in
    Unix seconds.
    """

    recording: str
    t0: float
    index: int
    samples: Float32


@dataclass(frozen=True, eq=False)
class Window:
    """What a model is asked about: samples [time, channels], covering the time from `t0` to `t1`."""

    inference_id: str
    t0: float
    t1: float
    samples: Float32


class Windower:
    """Cuts one stream for one model. `length` and `hop` in samples."""

    def __init__(self, length: int, hop: int, rate_hz: float, resume: Position | None = None) -> None:
        self._length, self._hop, self._rate_hz, self._resume = length, hop, rate_hz, resume
        self._held: Reading | None = None  # samples from the next window's start on, or the place where they will be

    @property
    def position(self) -> Position | None:
        """Rule 2; None before the first sample."""
        return self._resume if self._held is None else Position(self._held.recording, self._held.index)

    @property
    def tail(self) -> Reading | None:
        """The samples that no window has used up yet."""
        return self._held

    def push(self, reading: Reading) -> list[Window]:
        """The windows that these samples complete."""
        held = self._joined(reading)
        starts = window_starts(len(held.samples), self._length, self._hop)
        windows = [self._window(held, start) for start in starts]
        self._held = _drop(held, len(starts) * self._hop)
        return [window for window in windows if window is not None]

    def _joined(self, reading: Reading) -> Reading:
        """What is held and what has come, beginning at the start of a window (rule 1)."""
        held = self._held
        if held is not None and held.recording == reading.recording:
            if held.index + len(held.samples) == reading.index:
                samples = np.concatenate([held.samples, reading.samples]) if len(held.samples) else reading.samples
                return Reading(reading.recording, reading.t0, held.index, samples)
            if not len(held.samples) and held.index > reading.index:  # the hop is longer than the window
                return _drop(reading, held.index - reading.index)
        return _drop(reading, -reading.index % self._hop)

    def _window(self, held: Reading, start: int) -> Window | None:
        first = held.index + start
        resume = self._resume
        if resume is not None and resume.recording == held.recording and first < resume.index:  # rule 3
            return None
        t0, t1 = window_interval(held.t0 + first / self._rate_hz, self._length, self._rate_hz)
        return Window(inference_id(held.recording, first), t0, t1, held.samples[start : start + self._length])


def _drop(reading: Reading, count: int) -> Reading:
    """The reading without its first `count` samples; it may come to begin behind its last one."""
    return Reading(reading.recording, reading.t0, reading.index + count, reading.samples[count:])
