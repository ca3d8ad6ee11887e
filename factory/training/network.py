"""An architecture as a torch network from raw windows to logits.

Convolutions are two-dimensional, (1 x kernel) over (batch, channel, 1, time) in channels_last memory: 1.4 to 1.9 times
faster on a CPU than one-dimensional ones. The names of its state are the names of `Trained.weights`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from factory.artifacts import Architecture, Block, Float32, FrontEnd, Stage

CLIP = 16.0  # deviations; what lies beyond is a broken sensor, and would drown everything else
LEAST_DEVIATION = 1e-6
LEAST_SPREAD = 0.01  # of what a fixed filter leaves of a normalised signal
FIT_VALUES = 8_000_000  # about as many samples times channels tell mean and deviation of the input
EPSILON = 1e-5  # inside square roots


class Network(nn.Module):
    """See the head of this file.

    `forward` takes (batch, time, channels), NaN where missing, and gives logits (batch, classes).
    """

    fill: Tensor  # (channels)
    centre: Tensor  # (signals)
    gain: Tensor  # (signals)
    filters: Tensor  # (signals * filters, 1, 1, kernel)

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.register_buffer("fill", torch.zeros(architecture.channels))
        self.register_buffer("centre", torch.zeros(architecture.signals))
        self.register_buffer("gain", torch.ones(architecture.signals))
        if architecture.front.filters > 1:
            self.register_buffer("filters", filter_bank(architecture.front).repeat(architecture.signals, 1, 1, 1))
        self.blocks = nn.ModuleList(BlockOf(stage) for stage in architecture.stages)
        self.norm = nn.BatchNorm1d(architecture.features)
        self.dropout = nn.Dropout(architecture.head.dropout)
        self.linear = nn.Linear(architecture.features, architecture.classes)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        x = self.normalised(windows)  # (batch, time, signal)
        head = self.architecture.head
        features = [_statistics(x)] if head.statistics else []
        x = x.transpose(1, 2).unsqueeze(2)  # (batch, signal, 1, time)
        if self.architecture.front.filters > 1:
            x = self.filtered(x)
        x = x.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x)
        features = (
            [x.mean((2, 3)), x.amax((2, 3))] + ([_deviation(x, 3).flatten(1)] if head.deviation else []) + features
        )
        logits: Tensor = self.linear(self.dropout(self.norm(torch.cat(features, 1))))
        return logits

    def signals(self, windows: Tensor) -> Tensor:
        """Raw units (batch, time, signal): NaN filled, magnitudes appended."""
        x = torch.where(windows.isnan(), self.fill, windows)
        if not self.architecture.front.magnitudes or not self.architecture.triples:
            return x
        triples = torch.stack([x[:, :, list(triple)] for triple in self.architecture.triples], 2)
        return torch.cat([x, triples.square().sum(3).sqrt()], 2)

    def normalised(self, windows: Tensor) -> Tensor:
        """Signals in deviations from their mean (batch, time, signal)."""
        return ((self.signals(windows) - self.centre) * self.gain).clamp(-CLIP, CLIP)

    def filtered(self, x: Tensor) -> Tensor:
        """The fixed filters over every signal: (batch, signal, 1, time) -> (batch, signal * filters, 1, time)."""
        kernel = self.filters.shape[3]
        return functional.conv2d(x, self.filters, padding=(0, kernel // 2), groups=self.architecture.signals)

    def fit_input(self, windows: Tensor) -> None:
        """Set what normalises the input from training windows (batch, time, channels)."""
        windows = windows[:: max(1, windows.numel() // FIT_VALUES)]
        self.fill.copy_(windows.flatten(0, 1).nanmean(0).nan_to_num())
        signals = self.signals(windows).flatten(0, 1)
        self.centre.copy_(signals.mean(0))
        self.gain.copy_(1 / signals.std(0, correction=0).clamp(min=LEAST_DEVIATION))
        if self.architecture.front.filters > 1:
            self.filters.copy_(filter_bank(self.architecture.front).repeat(self.architecture.signals, 1, 1, 1))
            spread = self.filtered(self.normalised(windows).transpose(1, 2).unsqueeze(2)).std((0, 2, 3), correction=0)
            self.filters.div_(spread.clamp(min=LEAST_SPREAD).view(-1, 1, 1, 1))


class BlockOf(nn.Module):
    """One stage: convolution, batch norm, the input added where shapes allow, ReLU."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        block = stage.block
        self.residual = stage.residual
        self.depth = _over_time(block, stage.inputs, stage.inputs, stage.inputs) if block.separable else None
        self.conv = (
            nn.Conv2d(stage.inputs, block.width, 1, bias=False)
            if block.separable
            else _over_time(block, stage.inputs, block.width, 1)
        )
        self.norm = nn.BatchNorm2d(block.width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, 1, time) -> (batch, width, 1, shorter time)."""
        y = self.norm(self.conv(x if self.depth is None else self.depth(x)))
        return functional.relu(y + x if self.residual else y)


def _over_time(block: Block, inputs: int, outputs: int, groups: int) -> nn.Conv2d:
    """A (1 x kernel) convolution with the block's kernel and stride."""
    kernel, stride, padding = (1, block.kernel), (1, block.stride), (0, block.kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)


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


def weights_of(network: Network) -> dict[str, Float32]:
    """The network's state by name, without torch's own bookkeeping."""
    state = network.state_dict()
    return {name: value.numpy().copy(order="C") for name, value in state.items() if value.is_floating_point()}


def with_weights(network: Network, weights: dict[str, Float32]) -> Network:
    """`network`, holding these weights and ready to answer."""
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, strict=False)
    return network.eval()


def _statistics(x: Tensor) -> Tensor:
    """(batch, time, signal) -> mean, deviation, minimum and maximum over time (batch, 4 * signal)."""
    return torch.cat([x.mean(1), _deviation(x, 1), x.amin(1), x.amax(1)], 1)


def _deviation(x: Tensor, axis: int) -> Tensor:
    """Standard deviation along one axis, with a gradient at zero."""
    return ((x - x.mean(axis, keepdim=True)).square().mean(axis) + EPSILON).sqrt()
