"""An architecture as a torch network from raw windows to logits.

Convolutions are two-dimensional, (1 x kernel) over (batch, channel, 1, time) in channels_last memory: 1.4 to 1.9 times
faster on a CPU than one-dimensional ones. The names of its state are the names of `Trained.weights`.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from factory.architectures import Block, Convnet, Stage
from factory.artifacts import Float32
from factory.training.front import Front

EPSILON = 1e-5  # inside square roots
# Of the norm over features: a channel that never fires must not be lifted so far that its weight is the only one that 8
# bits can tell from 0.
FEATURE_EPSILON = 1e-2
LEAST_POWER = 1e-3  # of a normalised signal, inside logarithms
SHORT_KERNELS = (3, 1)  # of the branches beside the kernel itself


class Network(nn.Module):
    """See the head of this file.

    `forward` takes (batch, time, channels), NaN where missing, and gives logits (batch, classes).
    """

    def __init__(self, architecture: Convnet) -> None:
        super().__init__()
        self.architecture = architecture
        self.front = Front(architecture)
        self.blocks = nn.ModuleList(BlockOf(stage) for stage in architecture.stages)
        self.norm = nn.BatchNorm1d(architecture.features, FEATURE_EPSILON)
        self.dropout = nn.Dropout(architecture.head.dropout)
        self.linear = nn.Linear(architecture.features, architecture.classes)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        signals, x = self.front(windows)
        head = self.architecture.head
        features = [statistics(signals)] if head.statistics else []
        x = x.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x)
        features = (
            [x.mean((2, 3)), x.amax((2, 3))] + ([_deviation(x, 3).flatten(1)] if head.deviation else []) + features
        )
        logits: Tensor = self.linear(self.dropout(self.norm(torch.cat(features, 1))))
        return logits


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


class Branches(nn.Module):
    """A convolution that is the sum of several in training: of its own kernel, of shorter ones and, where shapes allow,
    the input itself, each with batch norm. It is folded into one for the device.

    Ding et al., "RepVGG", 2021.
    """

    def __init__(self, block: Block, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        kernels = [block.kernel, *(kernel for kernel in SHORT_KERNELS if kernel < block.kernel)]
        self.convs = nn.ModuleList(_single(replace(block, kernel=k), inputs, outputs, groups) for k in kernels)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) for _ in kernels)
        self.same = nn.BatchNorm2d(outputs) if inputs == outputs and block.stride == 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, 1, time) -> (batch, outputs, 1, shorter time)."""
        parts = [norm(conv(x)) for conv, norm in zip(self.convs, self.norms, strict=True)]
        if self.same is not None:
            parts.append(self.same(x))
        y: Tensor = parts[0]
        for part in parts[1:]:
            y = y + part
        return y


def _over_time(block: Block, inputs: int, outputs: int, groups: int) -> nn.Module:
    """The block's convolution over time."""
    return (Branches if block.branches else _single)(block, inputs, outputs, groups)


def _single(block: Block, inputs: int, outputs: int, groups: int) -> nn.Conv2d:
    """A (1 x kernel) convolution with the block's kernel and stride."""
    if block.kernel == 1:
        return Pointwise(inputs, outputs, block.stride, groups)
    kernel, stride, dilation = (1, block.kernel), (1, block.stride), (1, block.dilation)
    padding = (0, block.dilation * (block.kernel // 2))
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)


class Pointwise(nn.Conv2d):
    """A convolution of every `stride`-th sample alone. Samples are left out before it, not by it: the gradient of a
    strided 1 x 1 convolution in channels_last memory writes beyond its own in oneDNN as of torch 2.13.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__(inputs, outputs, 1, groups=groups, bias=False)
        self._every = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, 1, time) -> (batch, outputs, 1, shorter time)."""
        return super().forward(x[..., :: self._every])


def weights_of(network: Network) -> dict[str, Float32]:
    """The network's state by name, without torch's own bookkeeping."""
    state = network.state_dict()
    return {name: value.numpy().copy(order="C") for name, value in state.items() if value.is_floating_point()}


def with_weights(network: Network, weights: dict[str, Float32]) -> Network:
    """`network`, holding these weights and ready to answer."""
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, strict=False)
    return network.eval()


def statistics(x: Tensor) -> Tensor:
    """(batch, time, signal) -> mean, deviation, minimum and maximum over time, log power of what is left without the
    mean, and log power of differences from sample to sample (batch, 6 * signal).

    Power spans decades, from a device at rest to one that is shaken: its logarithm is what a linear layer can use.
    """
    mean = x.mean(1)
    power = (x - mean.unsqueeze(1)).square().mean(1)
    powers = [power, (x[:, 1:] - x[:, :-1]).square().mean(1)] if x.shape[1] > 1 else [power]
    return torch.cat(
        [mean, (power + EPSILON).sqrt(), x.amin(1), x.amax(1), (torch.cat(powers, 1) + LEAST_POWER).log()], 1
    )


def _deviation(x: Tensor, axis: int) -> Tensor:
    """Standard deviation along one axis, with a gradient at zero."""
    return ((x - x.mean(axis, keepdim=True)).square().mean(axis) + EPSILON).sqrt()
