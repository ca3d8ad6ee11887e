"""Convolution kernels that are not learned, pooled into shares of positions above thresholds, and a ridge on those.

Rules
1. A kernel has nine taps, three of weight 2, the others of -1, a dilation, and one of the front end's outputs as input
   (Dempster et al., "MiniRocket", 2021). What is outside the window counts as the mean.
2. Of kernels drawn at random those stay whose shares a ridge on a sample of windows gives most weight (after Uribarri
   et al., "Detach-ROCKET", 2024); as many of each dilation, so that the cost is known before.
3. Thresholds of a kernel are quantiles of its output on a sample of windows. They are stored as one signed byte, its
   size on a scale of equal ratios: one window may be a thousand times as strong as another, and what is weak has a
   shape too. None is zero, where rounding would decide what is above.
4. Where samples of all channels are missing, as behind the end of a short window, a kernel says nothing: shares are
   taken of the rest. Inside such a stretch the output is zero, so that what it adds to a share is known.
5. Time passes in rows of as many samples as the dilation, where the kernel has no gaps: torch is slow at gaps.
"""

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from factory.architectures import KERNEL, KERNEL_SHAPES, LEAST_CLASSES, Kernels
from factory.artifacts import Float32, Trained
from factory.training import ridge
from factory.training.front import Front
from factory.training.lesson import Lesson
from factory.training.recipe import DEFAULT, Recipe

HEAVY, LIGHT, HEAVY_TAPS = 2.0, -1.0, 3
POOL = 4  # kernels that are drawn for one that stays
POOL_WINDOWS, POOL_SHARES = 1000, (0.25, 0.5, 0.75)  # that choose among them, and the quantiles they are chosen by
LEVEL_WINDOWS, LEVEL_VALUES = 100, 10_000  # and outputs of a kernel in them, that its quantiles are taken of, about
FINEST, COARSEST = 0.5, 127.5  # the smallest level, and the largest
LEAST_THRESHOLD = 1e-6  # of a normalised signal; below, rounding decides what is above
LEAST_RANGE = 10.0  # from the smallest threshold to the largest
PADDED = 0.01  # of all samples that are missing, from which on shares are taken of the rest
LEAST_POWER = 1e-4  # of a window, where it is measured by its own deviation
FIT_WORK = 4_000_000_000  # outputs of kernels that are computed for a fit, at most
CHUNK_VALUES = 4_000_000  # outputs of kernels that are held at once
BYTE = 255  # counts that fit one byte


@dataclass(frozen=True)
class Scale:
    """What integer levels from -128 to 127 stand for (rule 3): exp(start + rate * size), and a sign."""

    start: float
    rate: float

    @classmethod
    def over(cls, values: Tensor) -> "Scale":
        """The scale that has room for these values."""
        sizes = values.abs()
        sizes = sizes[sizes > LEAST_THRESHOLD]
        if not len(sizes):
            return cls.over(torch.ones(1))
        highest = float(sizes.max().log())
        lowest = min(float(sizes.min().log()), highest - math.log(LEAST_RANGE))
        rate = (highest - lowest) / (COARSEST - FINEST)
        return cls(lowest - rate * FINEST, rate)

    def levels(self, values: Tensor) -> Tensor:
        """The levels whose thresholds are nearest."""
        size = (values.abs().clamp(min=LEAST_THRESHOLD).log() - self.start) / self.rate
        size = size.floor().clamp(0, COARSEST - FINEST)
        return torch.where(values < 0, -1 - size, size)

    def thresholds(self, levels: Tensor) -> Tensor:
        """Thresholds of levels, in the order of operations of the graph."""
        middle = levels + FINEST
        return middle.sign() * (middle.abs() * self.rate + self.start).exp()


@dataclass(frozen=True, eq=False)
class Bank:
    """Kernels by dilation: masks of heavy taps, inputs (dilations, width), levels (dilations, width, thresholds)."""

    masks: Tensor
    inputs: Tensor
    levels: Tensor
    scale: "Scale"

    @property
    def thresholds(self) -> Tensor:
        """Rule 3."""
        return self.scale.thresholds(self.levels)


def train(architecture: Kernels, lesson: Lesson, seed: int, recipe: Recipe = DEFAULT) -> Trained:
    """Choose kernels and thresholds, fit the linear layer. Two windows at least."""
    began = time.perf_counter()
    torch.set_num_threads(1)
    windows = torch.from_numpy(lesson.X)
    targets = torch.from_numpy(lesson.targets(architecture.classes, recipe.soft_share))
    front = Front(architecture)
    front.fit(windows)
    transform = _Transform(
        architecture, front, architecture.segments == 1 and bool(1 - present(windows).mean() > PADDED)
    )
    with torch.inference_mode():
        kept = _spaced(len(windows), most_windows(architecture))
        bank = _chosen(transform, windows, targets, (seed, recipe.balance))
        features = transform(windows[kept], bank)
        layer = ridge.fit(ridge.Problem(features, targets[kept], window_weights(targets[kept], recipe.balance)))
    weights = {f"front.{name}": value.numpy().copy(order="C") for name, value in front.state_dict().items()}
    weights["kernels.padded"] = np.array([transform.padded], np.float32)
    weights |= _stored(bank) | _outputs(layer, architecture)
    return Trained(architecture, weights, 0, seed, time.perf_counter() - began)


def answers(trained: Trained, X: Float32) -> Float32:
    """Probabilities (n, classes) of the trained model itself."""
    architecture, weights = trained.architecture, trained.weights
    assert isinstance(architecture, Kernels)
    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    front = Front(architecture)
    front.load_state_dict({name.removeprefix("front."): v for name, v in tensors.items() if name.startswith("front.")})
    bank = Bank(
        tensors["kernels.masks"].long(),
        tensors["kernels.inputs"].long(),
        tensors["kernels.levels"],
        Scale(*weights["kernels.scale"].tolist()),
    )
    with torch.inference_mode():
        features = _Transform(architecture, front, bool(weights["kernels.padded"][0]))(torch.from_numpy(X), bank)
        logits = features @ tensors["linear.weight"].T + tensors["linear.bias"]
        if architecture.outputs == 1:
            logits = torch.cat([-logits, logits], 1)
        probabilities: Float32 = functional.softmax(logits, 1).numpy()
    return probabilities


def most_windows(architecture: Kernels) -> int:
    """How many windows a fit looks at (the work it may take)."""
    return max(1, FIT_WORK // (len(architecture.steps) * architecture.width * architecture.length))


def window_weights(targets: Tensor, exponent: float) -> Tensor:
    """Weight of each window, mean 1: rare classes of targets (n, classes) count as in the loss of a network."""
    weights: Tensor = targets @ targets.sum(0).clamp(min=1) ** -exponent
    return weights / weights.mean()


def present(windows: Tensor) -> Tensor:
    """Share of the samples (n) that some channel has, at least one of them."""
    missing = windows.isnan().float().amin(2).mean(1)
    return (1 - missing).clamp(min=1 / windows.shape[1])


class _Transform:
    """Windows to features, in chunks."""

    def __init__(self, architecture: Kernels, front: Front, padded: bool) -> None:
        self.architecture, self._front, self.padded = architecture, front, padded

    def __call__(self, windows: Tensor, bank: Bank) -> Tensor:
        """Windows (n, time, channels) -> features (n, columns)."""
        return torch.cat([self._features(part, bank) for part in self.chunks(windows, bank.masks.shape[1])])

    def chunks(self, windows: Tensor, width: int) -> Iterator[Tensor]:
        """Windows, as many at once as memory allows."""
        a = self.architecture
        at_once = max(1, CHUNK_VALUES // max(width * a.length, a.time * a.channels * 4))
        return iter(torch.split(windows, at_once))

    def outputs(self, x: Tensor, bank: Bank) -> Iterator[Tensor]:
        """What the kernels of each dilation make of inputs (n, input, 1, length): (n, width, positions)."""
        for step, masks, inputs in zip(self.architecture.steps, bank.masks, bank.inputs, strict=True):
            yield convolved(x[:, inputs, 0], taps(masks), step)[:, :, :: self.architecture.stride]

    def inputs(self, windows: Tensor) -> Tensor:
        """What the front end gives to the kernels."""
        x: Tensor = self._front(windows)[1]
        if not self.architecture.relative:
            return x
        power = (x - x.mean(3, keepdim=True)).square().mean(3, keepdim=True)
        if self.padded:
            power = power / present(windows).view(-1, 1, 1, 1)
        return x / (power + LEAST_POWER).sqrt()

    def shares(self, windows: Tensor, bank: Bank, segments: int) -> Tensor:
        """Shares (n, shares) above the thresholds of all dilations (rule 4)."""
        pairs = zip(self.outputs(self.inputs(windows), bank), bank.thresholds, strict=True)
        together = torch.cat([shares(z, thresholds, segments) for z, thresholds in pairs], 1)
        if not self.padded:
            return together
        return (together - (bank.thresholds < 0).float().flatten()) / present(windows)[:, None]

    def _features(self, windows: Tensor, bank: Bank) -> Tensor:
        parts = [self.shares(windows, bank, self.architecture.segments)]
        if self.architecture.statistics:
            signals = self._front(windows)[0]
            parts += [signals.mean(1), _deviation(signals), signals.amin(1), signals.amax(1)]
        return torch.cat(parts, 1)


def taps(masks: Tensor) -> Tensor:
    """Weights (width, taps) of kernels whose heavy taps are the bits of a mask."""
    heavy = (masks[:, None] >> torch.arange(KERNEL)) & 1
    return heavy * (HEAVY - LIGHT) + LIGHT


def convolved(x: Tensor, weights: Tensor, step: int) -> Tensor:
    """(n, width, length) with a dilated kernel for each of the width, zero outside (rule 5)."""
    n, width, length = x.shape
    rows = -(-length // step)
    phases = functional.pad(x, (0, rows * step - length)).view(n, width, rows, step)
    z = functional.conv2d(phases, weights.view(width, 1, KERNEL, 1), padding=(KERNEL // 2, 0), groups=width)
    return z.flatten(2)[:, :, :length]


def shares(z: Tensor, thresholds: Tensor, segments: int) -> Tensor:
    """Share of each segment of outputs (n, width, positions) above each threshold (width, thresholds).

    Gives (n, width * thresholds * segments). Counts in bytes, windows last: four times as fast as means of floats.
    """
    n, width, positions = z.shape
    each = positions // segments
    by_time = z.permute(2, 1, 0).contiguous()[:, :, None]  # (positions, width, 1, n)
    above = torch.empty(width, thresholds.shape[1], n, dtype=torch.bool)
    counts = torch.zeros(segments, *above.shape)
    for segment in range(segments):
        for first in range(0, each, BYTE):
            some = torch.zeros(above.shape, dtype=torch.uint8)
            for row in by_time[segment * each : (segment + 1) * each][first : first + BYTE]:
                torch.gt(row, thresholds[:, :, None], out=above)
                some += above.view(torch.uint8)
            counts[segment] += some
    return counts.div_(each).permute(3, 1, 2, 0).flatten(1)


def _chosen(transform: _Transform, windows: Tensor, targets: Tensor, choice: tuple[int, float]) -> Bank:
    """Kernels and thresholds for an architecture (rules 2 and 3)."""
    seed, balance = choice
    architecture = transform.architecture
    masks, inputs = _drawn(architecture, np.random.default_rng(seed))
    width = architecture.width
    if masks.shape[1] > width:
        rows = _spaced(len(windows), POOL_WINDOWS)
        pool = _with_levels(transform, windows, (masks, inputs), POOL_SHARES)
        parts = transform.chunks(windows[rows], masks.shape[1])
        above = torch.cat([transform.shares(part, pool, 1) for part in parts])
        problem = ridge.Problem(above, targets[rows], window_weights(targets[rows], balance))
        worth = ridge.importance(problem).view(len(masks), -1, len(POOL_SHARES)).sum(2)
        best = worth.topk(width, 1).indices.sort(1).values
        masks, inputs = masks.gather(1, best), inputs.gather(1, best)
    count = architecture.thresholds
    quantiles = tuple((i + 0.5) / count for i in range(count))
    bank = _with_levels(transform, windows, (masks, inputs), quantiles)
    return replace(bank, levels=apart(bank.levels))


def _drawn(architecture: Kernels, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Masks and inputs (dilations, pool) of distinct kernels."""
    heavy = itertools.combinations(range(KERNEL), HEAVY_TAPS)
    masks = np.array([sum(1 << tap for tap in each) for each in heavy])
    most = KERNEL_SHAPES * architecture.inputs
    size = min(most, POOL * architecture.width)
    kernels = np.stack([rng.permutation(most)[:size] for _ in architecture.steps])
    return torch.from_numpy(masks[kernels % KERNEL_SHAPES]), torch.from_numpy(kernels // KERNEL_SHAPES)


def _with_levels(
    transform: _Transform, windows: Tensor, kernels: tuple[Tensor, Tensor], quantiles: tuple[float, ...]
) -> Bank:
    """The kernels with one level for each quantile of their output."""
    width = kernels[0].shape[1]
    sample = windows[_spaced(len(windows), LEVEL_WINDOWS)]
    positions = transform.architecture.positions
    seen = torch.arange(positions) * sample.shape[1] // positions  # the sample at each position
    every = math.ceil(float(present(sample).sum()) * positions / LEVEL_VALUES)
    bare = Bank(*kernels, torch.zeros(*kernels[0].shape, 1), Scale(0.0, 1.0))
    at = torch.tensor(quantiles)
    collected: list[list[Tensor]] = [[] for _ in kernels[0]]
    for part in transform.chunks(sample, width):
        for held, z in zip(collected, transform.outputs(transform.inputs(part), bare), strict=True):
            known = ~part[:, seen].isnan().all(2)
            held.append(z.transpose(0, 1)[:, known][:, ::every])
    values = []
    for held in collected:
        ordered = torch.from_numpy(np.sort(torch.cat(held, 1).numpy(), 1))
        values.append(ordered[:, (at * (ordered.shape[1] - 1)).long()])
    found = torch.stack(values)
    scale = Scale.over(found)
    return Bank(*kernels, scale.levels(found), scale)


def apart(levels: Tensor) -> Tensor:
    """Rising levels (..., thresholds), each at least one above the one before."""
    rank = torch.arange(levels.shape[-1])
    risen = (levels - rank).cummax(-1).values + rank
    return torch.minimum(risen, COARSEST - FINEST + rank - rank[-1])


def _spaced(n: int, most: int) -> Tensor:
    """At most so many of n rows, evenly spaced."""
    return torch.linspace(0, n - 1, min(n, most)).round().long()


def _deviation(x: Tensor) -> Tensor:
    return ((x - x.mean(1, keepdim=True)).square().mean(1) + 1e-5).sqrt()


def _stored(bank: Bank) -> dict[str, Float32]:
    return {
        "kernels.masks": bank.masks.float().numpy(),
        "kernels.inputs": bank.inputs.float().numpy(),
        "kernels.levels": bank.levels.numpy(),
        "kernels.scale": np.array([bank.scale.start, bank.scale.rate], np.float32),
    }


def _outputs(layer: ridge.Linear, architecture: Kernels) -> dict[str, Float32]:
    """The linear layer; of two classes, whose logits are opposite, the second's alone."""
    first = 1 if architecture.classes == LEAST_CLASSES else 0
    return {
        "linear.weight": layer.weight[first:].contiguous().numpy(),
        "linear.bias": layer.bias[first:].numpy().copy(),
    }
