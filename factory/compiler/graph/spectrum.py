"""The spectrum of a graph: normalised signals in, log power in frequency bands of short frames out.

Rules
1. Frames are cut and transformed by one strided convolution with cosines and sines under a Hann window, less their
   mean, so that a frame's offset does not count; a second one adds up the squares by bands.
2. The kernels of both follow from a few lengths alone: the graph computes them. A runtime does that once, when it loads
   the model; in the file they take next to nothing.
"""

import math

import numpy as np

from factory.architectures import Spectrum
from factory.artifacts import Float32
from factory.compiler.graph.builder import Builder, InputPart

MEL_CORNER = 1 / 8  # of half the rate, as in training
LEAST_POWER = 1e-8  # of a signal's, a sample, as in training


class Spectral(InputPart):
    """Adds one spectrum to a graph."""

    def __init__(self, builder: Builder, spectrum: Spectrum) -> None:
        super().__init__(builder)
        self._spectrum = spectrum

    def logarithm(self, x: str, signals: int, floor: Float32) -> str:
        """(batch, signals, time) -> log power (batch, bands * signals, frames); `floor` (bands) is added to power."""
        spectrum = self._spectrum
        samples = self._counted(spectrum.frame)
        frequencies = self._add("Slice", samples, self._integers(1), self._integers(spectrum.frequencies + 1))
        x = self._add("Unsqueeze", x, self._integers(1))  # signals side by side, under the same kernels
        x = self._add("Conv", x, self._waves(samples, frequencies), strides=[1, spectrum.hop])
        x = self._power(self._add("Mul", x, x), self._matrix(frequencies), floor)
        return self._add("Reshape", self._add("Log", x), self._integers(0, spectrum.bands * signals, -1))

    def _power(self, squares: str, matrix: str, floor: Float32) -> str:
        """(batch, 2 * frequencies, signals, frames) -> (batch, bands, signals, frames), the floor added."""
        if not self._spectrum.level:
            return self._add("Conv", squares, matrix, self._floats(floor))
        power = self._add("Conv", squares, matrix)
        mean = self._add("ReduceMean", power, axes=[1, 2, 3])
        power = self._add("Div", power, self._add("Add", mean, self._floats(LEAST_POWER * self._spectrum.frame)))
        return self._add("Add", power, self._floats(floor.reshape(-1, 1, 1)))

    def _waves(self, samples: str, frequencies: str) -> str:
        """Cosines, then sines (2 * frequencies, 1, 1, frame), under a Hann window and without mean."""
        frame = self._spectrum.frame
        turn = self._add("Mul", samples, self._floats(1 / frame))
        turns = self._add("Mul", turn, self._add("Unsqueeze", frequencies, self._integers(1)))
        turns = self._add("Sub", turns, self._floats([[[0]], [[1 / 4]]]))  # a sine is a cosine a quarter later
        turns = self._add("Sub", turns, self._add("Floor", turns))  # whole turns cost precision
        wave = self._add("Cos", self._add("Mul", turns, self._floats(2 * math.pi)))
        half = self._add("Sin", self._add("Mul", turn, self._floats(math.pi)))
        wave = self._add("Mul", wave, self._add("Mul", half, half))
        wave = self._add("Sub", wave, self._add("ReduceMean", wave, axes=[2]))
        return self._add("Reshape", wave, self._integers(-1, 1, 1, frame))

    def _matrix(self, frequencies: str) -> str:
        """Weight of every cosine, then of every sine, in every band (bands, 2 * frequencies, 1, 1)."""
        spectrum = self._spectrum
        place, steps = frequencies, (spectrum.bands + 1) * 2 / spectrum.frame
        if spectrum.mel:
            place = self._add("Mul", place, self._floats(2 / spectrum.frame / MEL_CORNER))
            place = self._add("Log", self._add("Add", place, self._floats(1)))
            steps = (spectrum.bands + 1) / math.log1p(1 / MEL_CORNER)
        place = self._add("Mul", place, self._floats(steps))
        tops = self._floats(np.arange(1, spectrum.bands + 1).reshape(-1, 1))
        away = self._add("Abs", self._add("Sub", place, tops))
        triangles = self._add("Relu", self._add("Sub", self._floats(1), away))
        both = self._add("Concat", triangles, triangles, axis=1)
        return self._add("Unsqueeze", both, self._integers(2, 3))

    def _counted(self, n: int) -> str:
        """0, 1, ... n - 1 (n), as tens and units of a kind."""
        units = next(size for size in range(math.isqrt(n), 0, -1) if n % size == 0)
        tens = self._floats(np.arange(0, n, units).reshape(-1, 1))
        return self._add("Reshape", self._add("Add", tens, self._floats(np.arange(units))), self._integers(-1))
