"""Features of a window for decision trees, as a torch module: statistics of the window and of its segments (Middlehurst
et al., "DrCIF", 2021), correlations of neighbouring inputs, and power in frequency bands. Nothing in it is learned.

A window that ends in missing values is a short clip that was filled up: it is stretched to the whole window, so that
what was filled up does not count.
"""

import torch
from torch import Tensor, nn

from factory.architectures import Trees
from factory.training.front import Front
from factory.training.spectrum import Bands

EPSILON = 1e-3  # in deviations; what wavers less is at rest
HYSTERESIS = 0.01  # deviations that a signal rises above its mean before it counts as a crossing
FIT_VALUES = 2_000_000  # samples times signals that tell what power is next to none


class Features(nn.Module):
    """See the head of this file."""

    def __init__(self, architecture: Trees) -> None:
        super().__init__()
        self.architecture = architecture
        self.front = Front(architecture)
        fourier = architecture.fourier
        self.fourier = None if fourier is None else Bands(fourier, architecture.signals)
        self.eval()  # a spectrum that is in training hides parts of itself

    def fit(self, windows: Tensor) -> None:
        """Set what normalises windows (batch, time, channels)."""
        self.front.fit(windows)
        if self.fourier is not None:
            self.fourier.fit(self.front.normalised(windows[:: max(1, windows.numel() // FIT_VALUES)]))

    def forward(self, windows: Tensor) -> Tensor:
        """Features (batch, features) of windows (batch, time, channels), NaN where missing."""
        signals, x = self.front(windows)
        share = present(windows)
        x = stretched(x.squeeze(2), share)  # (batch, input, length)
        parts = [share]
        for count in self.architecture.cuts:
            cut = segments(x, count)
            parts += [statistics(cut, share), *(correlations(cut, self.architecture.neighbours) if count == 1 else [])]
        if self.fourier is not None:
            power = (self.fourier.power(signals) + self.fourier.floor).log()  # (batch, frames, signal, band)
            parts.append(over_frames(power, share).transpose(1, 2).flatten(1))
        return torch.cat(parts, 1)


def present(windows: Tensor) -> Tensor:
    """The share (batch, 1) of windows (batch, time, channels) up to the last sample that is not missing."""
    time = windows.shape[1]
    places = torch.arange(time, dtype=torch.float32) * ~windows.isnan().all(2)
    return (places.amax(1, keepdim=True) + 1) * (1 / time)


def stretched(x: Tensor, share: Tensor) -> Tensor:
    """The first share (batch, 1) of (batch, input, length), each sample held until the next, as long as the whole."""
    place = (torch.arange(x.shape[2]) * share).floor().long()
    return x.gather(2, place.unsqueeze(1).expand_as(x))


def segments(x: Tensor, count: int) -> Tensor:
    """(batch, input, length) -> (batch, input, count, shorter length); what does not fill a segment is left out."""
    length = x.shape[2] // count
    return x[:, :, : count * length].reshape(len(x), -1, count, length)


def statistics(x: Tensor, share: Tensor) -> Tensor:
    """(batch, input, segment, length), stretched by a share (batch, 1) -> (batch, input * segment * statistics).

    Mean, deviation, steps, crossings of the mean, minimum, quartiles and maximum. Whether a sum is divided by the
    number of samples makes no difference to a tree.
    """
    away = x - x.mean(3, keepdim=True)
    steps = [_steps(of) / share[:, None, None] for of in (x, (away > HYSTERESIS).float())]
    length = x.shape[3]
    ordered = x.sort(3).values[..., [quarter * (length - 1) // 4 for quarter in range(5)]]
    return torch.cat([x.mean(3, keepdim=True), _norm(away), *steps, ordered], 3).flatten(1)


def _norm(away: Tensor) -> Tensor:
    """Root of the sum of squares over time, whose axis stays."""
    return away.square().sum(3, keepdim=True).sqrt()


def _steps(x: Tensor) -> Tensor:
    """Sum of the sizes of all steps from one sample to the next, over time, whose axis stays."""
    return (x[..., 1:] - x[..., :-1]).abs().sum(3, keepdim=True)


def correlations(x: Tensor, neighbours: tuple[int, ...]) -> list[Tensor]:
    """(batch, input, 1, length) -> correlation of inputs that are so far apart, (batch, inputs - neighbour) each."""
    away = x - x.mean(3, keepdim=True)
    scaled = away / (_norm(away) + EPSILON)
    return [(scaled[:, step:] * scaled[:, :-step]).sum(3).flatten(1) for step in neighbours]


def over_frames(power: Tensor, share: Tensor) -> Tensor:
    """Mean over the frames of (batch, frames, signal, band) that begin in the first share (batch, 1) of the window."""
    counts = (torch.arange(power.shape[1]) < share * power.shape[1]).float()
    return (power * counts[:, :, None, None]).sum(1) / counts.sum(1)[:, None, None]
