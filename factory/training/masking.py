"""Changes to spectra while training: what a microphone or a mounting colours, what goes on in the background, and a
stretch of frames and one of bands hidden, so that no answer hangs on a single one (Park et al., "SpecAugment", 2019).
"""

import math

import torch
from torch import Tensor

MOST_FRAMES = 0.2  # of a window's frames that are hidden, at most
MOST_BANDS = 0.2  # of its bands
COLOUR = 0.5  # spread of the logarithm of power by which each of the curves raises or lowers bands
CURVES = 4  # level, tilt, and two finer ones
NOISY = 0.5  # share of windows with a background
LOUDEST, QUIETEST = 0.1, 1e-3  # power of a background, of its window's
NOISE_COLOUR = 1.0  # as `COLOUR`, of a background


def coloured(power: Tensor) -> Tensor:
    """Power (batch, frames, signal, band) as another microphone or mounting would pass it on: every window under a
    smooth random curve over its bands.
    """
    return power * _curves(power, COLOUR)


def noisy(power: Tensor) -> Tensor:
    """Power (batch, frames, signal, band) with that of a background added to some windows: noise of a random loudness
    and colour, which goes on where the window itself is silent or missing.
    """
    batch, _, signals, _ = power.shape
    share = LOUDEST * (QUIETEST / LOUDEST) ** torch.rand(batch, 1, signals, 1)
    loudness = share * (torch.rand(batch, 1, 1, 1) < NOISY) * power.mean((1, 3), keepdim=True)
    return power + loudness * _curves(power, NOISE_COLOUR) * torch.empty_like(power).exponential_()


def _curves(power: Tensor, spread: float) -> Tensor:
    """Smooth random factors of the bands of every window (batch, 1, signal, band)."""
    batch, _, signals, bands = power.shape
    waves = torch.arange(CURVES)[:, None] * torch.arange(bands) * (math.pi / (bands - 1))
    return torch.exp(spread * torch.randn(batch, 1, signals, CURVES) @ torch.cos(waves))


def masked(x: Tensor, bands: int) -> Tensor:
    """Normalised bands (batch, frames, bands * signals) with what is hidden at its mean, 0."""
    batch, frames, inputs = x.shape
    shown = _shown(batch, frames, MOST_FRAMES)[:, :, None, None] & _shown(batch, bands, MOST_BANDS)[:, None, :, None]
    return (x.view(batch, frames, bands, inputs // bands) * shown).flatten(2)


def _shown(batch: int, length: int, most: float) -> Tensor:
    """Truth values (batch, length), false along one stretch of at most `most` of the length."""
    hidden = torch.rand(batch, 1) * most * length
    start = torch.rand(batch, 1) * (length - hidden)
    place = torch.arange(length) + 0.5
    return (place < start) | (place >= start + hidden)
