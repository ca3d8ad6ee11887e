"""Recordings of a made-up sensor: one channel is higher than the others, and which one it is, is the truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from protocol.messages import Label
from protocol.windows import inference_id, window_interval, window_starts

CHANNELS = ("ax", "ay", "az")
CLASSES = ("left", "right", "up")
RATE_HZ = 50.0
T0 = 1_800_000_000.0
RECORDING_S = 10_000.0  # between the beginnings of two recordings


@dataclass(frozen=True)
class Stream:
    """Named recordings of samples [k, channels]; recording i is of class i % 3."""

    samples: tuple[npt.NDArray[np.float32], ...]

    @property
    def names(self) -> list[str]:
        return [f"rec-{number:03d}" for number in range(len(self.samples))]

    def save(self, path: Path) -> None:
        """Write the file that the replay sensor reads."""
        np.savez(
            path,
            X=np.concatenate(self.samples),
            rec_ptr=np.cumsum([0, *map(len, self.samples)]),
            rec_ids=np.array(self.names),
            rec_t0=T0 + RECORDING_S * np.arange(len(self.samples)),
            channels=np.array(CHANNELS),
            units=np.array(["g"] * len(CHANNELS)),
            rate_hz=RATE_HZ,
        )

    def windows(self, length: int, hop: int) -> list[tuple[str, float, float, int]]:
        """Every window by the rule: its inference id, the time it covers, and its class."""
        found = []
        for number, (name, samples) in enumerate(zip(self.names, self.samples, strict=True)):
            for start in window_starts(len(samples), length, hop):
                t0, t1 = window_interval(T0 + RECORDING_S * number + start / RATE_HZ, length, RATE_HZ)
                found.append((inference_id(name, start), t0, t1, number % len(CLASSES)))
        return found

    def interval_labels(self) -> list[Label]:
        """One label for each recording, for all of its time."""
        return [
            Label(
                label_id=f"label-{name}",
                y=CLASSES[number % len(CLASSES)],
                source="test",
                t=1.0,
                t0=T0 + RECORDING_S * number,
                t1=T0 + RECORDING_S * number + len(samples) / RATE_HZ,
            )
            for number, (name, samples) in enumerate(zip(self.names, self.samples, strict=True))
        ]


def stream(*lengths: int, seed: int = 0) -> Stream:
    """Recordings of so many samples each."""
    rng = np.random.default_rng(seed)
    made = []
    for number, length in enumerate(lengths):
        samples = rng.normal(0, 1, (length, len(CHANNELS)))
        samples[:, number % len(CHANNELS)] += 0.6
        made.append(samples.astype(np.float32))
    return Stream(tuple(made))
