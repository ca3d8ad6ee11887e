"""How a stream is cut into windows: one rule for training, examination and the device, so that they cannot differ.

Rules
1. A window is `length` consecutive samples of one recording; windows start at its samples 0, hop, 2 hop, ...
2. No window crosses from one recording into the next, and an incomplete last window is not made.
3. A window covers the time from its first sample to one sample period after its last.
"""


def window_starts(samples: int, length: int, hop: int) -> range:
    """The first sample of every whole window of a recording of `samples` samples (rules 1 and 2)."""
    return range(0, samples - length + 1, hop)


def window_interval(t_first_s: float, length: int, rate_hz: float) -> tuple[float, float]:
    """The time a window covers, in seconds on the clock of `t_first_s` (rule 3)."""
    return t_first_s, t_first_s + length / rate_hz


def inference_id(recording: str, start: int) -> str:
    """The name of the prediction for the window that starts at sample `start` of a recording."""
    return f"{recording}@{start}"
