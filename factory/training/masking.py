"""Parts of a spectrum hidden while training: a stretch of frames and a stretch of bands of every window, so that no
answer hangs on a single one (Park et al., "SpecAugment", 2019).
"""

import math

import torch
from torch import Tensor

MOST_FRAMES = 0.2  # of a window's frames that are hidden, at most
MOST_BANDS = 0.2  # of its bands
COLOUR = 0.5  # spread of the logarithm of power by which each of the curves raises or lowers bands
CURVES = 4  # level, tilt, and two finer ones


def coloured(power: Tensor) -> Tensor:
    """Power (batch, frames, signal, band) as another microphone or mounting would pass it on: every window under a
    smooth random curve over its bands.
    """
    batch, _, signals, bands = power.shape
    waves = torch.arange(CURVES)[:, None] * torch.arange(bands) * (math.pi / (bands - 1))
    curves = COLOUR * torch.randn(batch, 1, signals, CURVES) @ torch.cos(waves)
    return power * torch.exp(curves)


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
