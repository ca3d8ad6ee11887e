"""The front end of an architecture as a torch module: raw windows in, normalised signals and what is derived from them
out. Its state is fitted to training windows, never learned.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from factory.architectures import Design, FrontEnd
from factory.training.spectrum import Bands

CLIP = 16.0  # deviations; what lies beyond is a broken sensor, and would drown everything else
LEAST_DEVIATION = 1e-6  # of the mean; below, a signal is constant but for rounding, and is left out
LEAST_SPREAD = 0.01  # of what a fixed filter leaves of a normalised signal
FIT_VALUES = 8_000_000  # about as many samples times channels tell mean and deviation of the input
FIT_SPECTRUM_VALUES = 2_000_000  # and those of its bands


class Front(nn.Module):
    """See the head of this file."""

    fill: Tensor  # (channels)
    centre: Tensor  # (signals)
    gain: Tensor  # (signals)
    filters: Tensor  # (signals * filters, 1, 1, kernel)

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        self.register_buffer("fill", torch.zeros(design.channels))
        self.register_buffer("centre", torch.zeros(design.signals))
        self.register_buffer("gain", torch.ones(design.signals))
        if design.front.filters > 1:
            self.register_buffer("filters", filter_bank(design.front).repeat(design.signals, 1, 1, 1))
        spectrum = design.front.spectrum
        self.bands = None if spectrum is None else Bands(spectrum, design.signals)
        self.eval()  # a spectrum is only coloured and masked where a training asks for it

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (batch, time, channels), NaN where missing.

        Gives what statistics are taken of (batch, time, signal) or (batch, frames, input), and what convolutions see
        (batch, input, 1, length).
        """
        x = self.normalised(windows)
        if self.bands is not None:
            x = self.bands(x)
        y = x.transpose(1, 2).unsqueeze(2)  # (batch, signal or band, 1, time or frames)
        return x, self.filtered(y) if self.design.front.filters > 1 else y

    @property
    def jitter(self) -> Tensor:
        """The unit of random noise on raw channels (channels): their deviations, and nothing before a spectrum, where
        noise would fill every silence.
        """
        gain = self.gain[: self.design.channels]
        return torch.where((gain > 0) & (self.bands is None), 1 / gain, 0.0)

    def signals(self, windows: Tensor) -> Tensor:
        """Raw units (batch, time, signal): NaN filled, magnitudes appended."""
        x = torch.where(windows.isnan(), self.fill, windows)
        if not self.design.front.magnitudes or not self.design.triples:
            return x
        triples = torch.stack([x[:, :, list(triple)] for triple in self.design.triples], 2)
        return torch.cat([x, triples.square().sum(3).sqrt()], 2)

    def normalised(self, windows: Tensor) -> Tensor:
        """Signals in deviations from their mean (batch, time, signal)."""
        return ((self.signals(windows) - self.centre) * self.gain).clamp(-CLIP, CLIP)

    def filtered(self, x: Tensor) -> Tensor:
        """The fixed filters over every signal: (batch, signal, 1, time) -> (batch, signal * filters, 1, time)."""
        kernel = self.filters.shape[3]
        return functional.conv2d(x, self.filters, padding=(0, kernel // 2), groups=self.design.signals)

    def fit(self, windows: Tensor) -> None:
        """Set what normalises the input from training windows (batch, time, channels)."""
        windows = windows[:: max(1, windows.numel() // FIT_VALUES)]
        self.fill.copy_(windows.flatten(0, 1).nanmean(0).nan_to_num())
        signals = self.signals(windows).flatten(0, 1)
        self.centre.copy_(signals.mean(0))
        deviation = signals.std(0, correction=0)
        self.gain.copy_(torch.where(deviation > LEAST_DEVIATION * self.centre.abs(), 1 / deviation, 0.0))
        if self.design.front.filters > 1:
            self.filters.copy_(filter_bank(self.design.front).repeat(self.design.signals, 1, 1, 1))
            spread = self.filtered(self.normalised(windows).transpose(1, 2).unsqueeze(2)).std((0, 2, 3), correction=0)
            self.filters.div_(spread.clamp(min=LEAST_SPREAD).view(-1, 1, 1, 1))
        if self.bands is not None:
            self.bands.fit(self.normalised(windows[:: max(1, windows.numel() // FIT_SPECTRUM_VALUES)]))


def filter_bank(front: FrontEnd) -> Tensor:
    """Fixed filters of a channel (filters, 1, 1, kernel): slow and fast part, or the channel itself; its difference."""
    kernel = max(front.smoothing, 3)
    same = torch.zeros(kernel)
    same[kernel // 2] = 1.0
    rows = [same]
    if front.smoothing:
        slow = torch.full((kernel,), 1.0 / kernel)
        rows = [slow, same - slow]
    if front.differences:
        rows.append(same - same.roll(-1))
    return torch.stack(rows).view(len(rows), 1, 1, kernel)
