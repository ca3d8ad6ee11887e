"""TinyTNAS's search over two integers (Saha, Samanta, Ghosh and Roy, 2024, arXiv:2408.16535), written anew.

The network: a separable convolution of `k` channels, then `c` cells of max pooling by 2 and a separable convolution
with 1.5 times the channels, average pooling over time, a dense layer of 1.5 times the channels, and the classes.
Kernels have 3 samples.

The search begins at k = 4, c = 3. What is better than all before it doubles k, and puts off three values of k in
between; else all other c from 0 to 4 are tried at this k, and the best of them counts the same way; else the last of
those put off is next. It ends where none is left, or the time is over. Networks over the limits are not trained.

What is ours, in its favour: the front end's normalisation, batch norm, our training loop for the same number of windows
as a trial of ours, and validation on unseen groups; answers are those of the float network, bytes those of int8 weights
with 8 bytes an output channel and nothing for the file around them.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.sides import Fitted
from factory import compiler, training
from factory.architectures import Block, Convnet, Design, FrontEnd, Head
from factory.artifacts import TRAIN, VALIDATION, Budget, Dataset, Float32
from factory.training import Lesson, loop
from factory.training.front import Front

FIRST = (4, 3)  # k, c
DIVIDER = 4
MOST_CELLS = 4
KERNEL = 3
GROWTH = 1.5
CHANNEL_BYTES = 8  # a 32-bit bias and a 32-bit scale
KB = 1000
SEARCH_SHARE = 0.6  # of the time
SEARCH_WINDOWS = 20_000  # that a network sees in the search
FINAL_EPOCHS = (20, 150)  # least and most
BATCH = 256
Point = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """What a point (k, c) means for windows of `time` samples and `channels`."""

    widths: tuple[int, ...]  # of the convolutions
    hidden: int
    lengths: tuple[int, ...]  # samples that each convolution sees
    channels: int
    classes: int

    @classmethod
    def of(cls, point: Point, design: Design) -> "Shape":
        """Cells stop where one sample is left."""
        width, length = point[0], design.time
        widths, lengths = [width], [length]
        for _ in range(point[1]):
            if length <= 1:
                break
            width, length = int(width * GROWTH), length // 2
            widths.append(width)
            lengths.append(length)
        return cls(tuple(widths), int(width * GROWTH), tuple(lengths), design.channels, design.classes)

    @property
    def macs(self) -> int:
        """A window."""
        before = (self.channels, *self.widths)
        body = sum(
            length * inputs * (KERNEL + width)
            for length, inputs, width in zip(self.lengths, before, self.widths, strict=False)
        )
        return body + self.hidden * (self.widths[-1] + self.classes)

    @property
    def bytes(self) -> int:
        """As stored."""
        before = (self.channels, *self.widths)
        weights = sum(inputs * (KERNEL + width) for inputs, width in zip(before, self.widths, strict=False))
        weights += self.hidden * (self.widths[-1] + self.classes)
        outputs = sum(self.widths) + sum(before[:-1]) + self.hidden + self.classes
        return weights + CHANNEL_BYTES * outputs

    def fits(self, budget: Budget) -> bool:
        """Whether the limits hold."""
        small = budget.max_kb is None or self.bytes <= budget.max_kb * KB
        return small and (budget.max_macs is None or self.macs <= budget.max_macs)


class TinyNet(nn.Module):
    """Raw windows (batch, time, channels) to logits; made so that our training loop takes it."""

    def __init__(self, shape: Shape, design: Design) -> None:
        super().__init__()
        self.architecture, self.front = _described(shape, design), Front(design)
        before = (design.channels, *shape.widths)
        self.cells = nn.ModuleList(_separable(a, b) for a, b in zip(before, shape.widths, strict=False))
        self.hidden = nn.Linear(shape.widths[-1], shape.hidden)
        self.linear = nn.Linear(shape.hidden, shape.classes)

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, classes)."""
        _, x = self.front(windows)
        for index, cell in enumerate(self.cells):
            x = functional.relu(cell(functional.max_pool2d(x, (1, 2)) if index else x))
        logits: Tensor = self.linear(functional.relu(self.hidden(x.mean((2, 3)))))
        return logits


def _described(shape: Shape, design: Design) -> Convnet:
    """The nearest to it in our space, which is all that our training loop asks about."""
    blocks = tuple(Block(width, KERNEL, 2 if index else 1, separable=True) for index, width in enumerate(shape.widths))
    return Convnet(design.time, design.channels, design.classes, (), design.front, blocks, Head(statistics=False))


def _separable(inputs: int, outputs: int) -> nn.Sequential:
    depth = nn.Conv2d(inputs, inputs, (1, KERNEL), padding=(0, KERNEL // 2), groups=inputs, bias=False)
    return nn.Sequential(depth, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def fit(dataset: Dataset, budget: Budget, seed: int) -> Fitted:
    """Search, then train what was found for longer, on train and validation part together."""
    began = time.monotonic()
    design = Design(dataset.X.shape[1], dataset.X.shape[2], len(dataset.task.classes), (), FrontEnd())
    train, validation = dataset.only(TRAIN), dataset.only(VALIDATION)
    epochs, spent = training.epochs_for(len(train.y), SEARCH_WINDOWS), dict[Point, float]()

    def value(point: Point) -> float | None:
        shape = Shape.of(point, design)
        if not shape.fits(budget):
            return None
        start = time.monotonic()
        network = _trained(shape, design, Lesson(train.X, train.y), seed, epochs)
        spent[point] = time.monotonic() - start
        return compiler.scores(_answers(network, validation.X), validation.y).macro_f1

    limit_s = budget.minutes * 60
    best = search(value, lambda: time.monotonic() - began > SEARCH_SHARE * limit_s)
    each_s = spent[best] / epochs * len(dataset.y) / len(train.y)
    left_s = limit_s - (time.monotonic() - began)
    final = round(min(max(left_s / each_s, FINAL_EPOCHS[0]), FINAL_EPOCHS[1]))
    shape = Shape.of(best, design)
    network = _trained(shape, design, Lesson(dataset.X, dataset.y), seed, final)
    return Fitted(lambda X: _answers(network, X), shape.bytes, shape.macs, time.monotonic() - began)


def search(value: Callable[[Point], float | None], is_over: Callable[[], bool]) -> Point:
    """The best point found (see the head of this file); `value` is None for points over the limits.

    Raises:
        ValueError: not even the smallest network is within the limits.
    """
    (k, c), best, top = FIRST, (0, 0), -math.inf
    put_off: list[Point] = []
    while not is_over():
        found, point = _best_of([(k, c)], value, is_over)
        if found <= top:
            found, point = _best_of([(k, other) for other in range(MOST_CELLS + 1) if other != c], value, is_over)
        if found > top:
            top, best, (k, c) = found, point, point
            put_off = [(k + step * (k // DIVIDER), c) for step in range(1, DIVIDER) if k >= DIVIDER]
            k *= 2
        elif put_off:
            k, c = put_off.pop()
        else:
            break
    if math.isinf(top):
        raise ValueError("no network of this search is within the limits")
    return best


def _best_of(
    points: list[Point], value: Callable[[Point], float | None], is_over: Callable[[], bool]
) -> tuple[float, Point]:
    """The best value, and where; stops at the first point over the limits, as deeper ones are larger still."""
    top, best = -math.inf, points[0]
    for point in points:
        found = None if is_over() else value(point)
        if found is None:
            break
        if found > top:
            top, best = found, point
    return top, best


def _trained(shape: Shape, design: Design, lesson: Lesson, seed: int, epochs: int) -> TinyNet:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = TinyNet(shape, design)
    network.front.fit(torch.from_numpy(lesson.X))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loop._Loop(network, lesson, seed, training.DEFAULT).run(epochs)  # type: ignore[arg-type]
    return network


def _answers(network: TinyNet, X: Float32) -> Float32:
    with torch.inference_mode():
        parts = [functional.softmax(network.eval()(part), 1) for part in torch.split(torch.from_numpy(X), BATCH)]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)
