"""Normalised signals in, log power in frequency bands of short frames out (Davis and Mermelstein, 1980, without the
cosine transform, which a convolution can learn). Its state is fitted to training windows, never learned.

Power below `LEAST_SHARE` of what a band has on average is not told apart: a frame that is missing, and hence silent,
looks like one that is merely quiet.
"""

import math

import torch
from torch import Tensor, nn

from factory.architectures import Spectrum
from factory.training.masking import coloured, masked, noisy

MEL_CORNER = 1 / 8  # of half the rate: bands are about equally wide below, and widen in proportion above
LEAST_SHARE = 1e-2  # of a band's average power
LEAST_POWER = 1e-8  # of a signal's, a sample
LEAST_SPREAD = 1e-2  # of the logarithm of power


class Bands(nn.Module):
    """See the head of this file."""

    window: Tensor  # (frame)
    matrix: Tensor  # (frequencies, bands)
    floor: Tensor  # (bands)
    centre: Tensor  # (bands * signals), one band's signals side by side
    gain: Tensor  # (bands * signals)

    def __init__(self, spectrum: Spectrum, signals: int) -> None:
        super().__init__()
        self.spectrum = spectrum
        outputs = spectrum.bands * signals
        self.register_buffer("window", torch.hann_window(spectrum.frame), persistent=False)
        self.register_buffer("matrix", band_matrix(spectrum), persistent=False)
        self.least = LEAST_POWER * spectrum.frame
        self.register_buffer("floor", torch.full((spectrum.bands,), self.least))
        self.register_buffer("centre", torch.zeros(outputs))
        self.register_buffer("gain", torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised signals (batch, time, signal) -> normalised bands (batch, frames, bands * signals)."""
        power = self.power(x)
        if self.training:
            power = noisy(coloured(power))
        x = (self._logarithm(self._levelled(power)) - self.centre) * self.gain
        return masked(x, self.spectrum.bands) if self.training else x

    def power(self, x: Tensor) -> Tensor:
        """(batch, time, signal) -> (batch, frames, signal, band)."""
        frames = x.unfold(1, self.spectrum.frame, self.spectrum.hop)  # (batch, frames, signal, frame)
        waves = torch.fft.rfft((frames - frames.mean(3, keepdim=True)) * self.window)[..., 1:]
        power: Tensor = (waves.real.square() + waves.imag.square()) @ self.matrix
        return power

    def fit(self, x: Tensor) -> None:
        """Set floor, centre and gain from normalised signals (batch, time, signal)."""
        power = self._levelled(self.power(x))
        self.floor.copy_(LEAST_SHARE * power.mean((0, 1, 2)) + self.least)
        logarithm = self._logarithm(power)
        self.centre.copy_(logarithm.mean((0, 1)))
        self.gain.copy_(1 / logarithm.std((0, 1), correction=0).clamp(min=LEAST_SPREAD))

    def _levelled(self, power: Tensor) -> Tensor:
        """Power as a share of the window's, where that is wanted."""
        return power / (power.mean((1, 2, 3), keepdim=True) + self.least) if self.spectrum.level else power

    def _logarithm(self, power: Tensor) -> Tensor:
        return (power + self.floor).log().transpose(2, 3).flatten(2)


def band_matrix(spectrum: Spectrum) -> Tensor:
    """Weight of every frequency in every band (frequencies, bands): triangles that reach to their neighbours' tops."""
    place = torch.arange(1, spectrum.frequencies + 1) * 2 / spectrum.frame  # of half the rate
    if spectrum.mel:
        place = torch.log1p(place / MEL_CORNER) / math.log1p(1 / MEL_CORNER)
    tops = torch.arange(1, spectrum.bands + 1)
    return (1 - (place[:, None] * (spectrum.bands + 1) - tops).abs()).relu()
