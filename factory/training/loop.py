"""From a convolutional architecture and a lesson to weights. One thread, everything in memory, reproducible by seed."""

import time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from factory.architectures import Convnet
from factory.artifacts import Float32, Trained
from factory.training.augment import Augmenter
from factory.training.convnet import Network, weights_of, with_weights
from factory.training.lesson import Lesson
from factory.training.recipe import DEFAULT, LEAST_BATCH, Recipe, batch_for, optimiser

EVALUATION_VALUES = 4_000_000  # of the widest layer that are computed at once
STEP_VALUES = 32_000_000  # of the widest layer in one step of training: bounds its memory


def train(architecture: Convnet, lesson: Lesson, seed: int, epochs: int, recipe: Recipe = DEFAULT) -> Trained:
    """Train a convolutional network. Two windows at least."""
    began = time.perf_counter()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = Network(architecture)
    network.front.fit(torch.from_numpy(lesson.X))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kept = _Loop(network, lesson, seed, recipe).run(epochs)
    return Trained(architecture, weights_of(kept), epochs, seed, time.perf_counter() - began)


def answers(trained: Trained, X: Float32) -> Float32:
    """Probabilities (n, classes) of the trained network itself."""
    assert isinstance(trained.architecture, Convnet)
    network = with_weights(Network(trained.architecture), dict(trained.weights))
    batch = max(1, EVALUATION_VALUES // widest(trained.architecture))
    with torch.inference_mode():
        parts = [functional.softmax(network(part), 1) for part in torch.split(torch.from_numpy(X), batch)]
    probabilities: Float32 = torch.cat(parts).numpy()
    return probabilities


def widest(architecture: Convnet) -> int:
    """Values of one window where the network is widest: what memory is taken by."""
    layers = [max(s.inputs * s.length_in, s.block.width * s.length_out) for s in architecture.stages]
    return max(architecture.time * architecture.signals, *layers)


class _Loop:
    """One training run."""

    def __init__(self, network: Network, lesson: Lesson, seed: int, recipe: Recipe) -> None:
        self._network, self._recipe = network, recipe
        self._windows = filled(torch.from_numpy(lesson.X), network.front.fill)
        self._targets = torch.from_numpy(lesson.targets(network.architecture.classes, recipe.soft_share))
        count, samples = lesson.X.shape[:2]
        most = max(LEAST_BATCH // 2, STEP_VALUES // widest(network.architecture))
        self._batch = min(batch_for(count, samples, recipe), most)
        self._generator = torch.Generator().manual_seed(seed)
        self._shares = np.random.default_rng(seed)
        self._augmenter = Augmenter(recipe.augmentation, network.architecture.triples, self._generator)
        self._deviation = network.front.jitter
        self._class_weights = class_weights(self._targets, recipe.balance)

    def run(self, epochs: int) -> Network:
        """The averaged network after `epochs` epochs."""
        steps_an_epoch = len(self._windows) // self._batch
        adam, schedule = optimiser(self._network.parameters(), epochs * steps_an_epoch, self._recipe)
        average = _Average(self._network, self._recipe.average)
        self._network.train()
        for _ in range(epochs):
            order = torch.randperm(len(self._windows), generator=self._generator)
            for chosen in order[: steps_an_epoch * self._batch].view(steps_an_epoch, self._batch):
                loss = self._loss(chosen)
                adam.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
                schedule.step()
                average.update()
        return average.network()

    def _loss(self, chosen: Tensor) -> Tensor:
        network, targets = self._network, self._targets[chosen]
        windows = self._augmenter(self._windows[chosen], network.front.fill, self._deviation)
        if self._recipe.mixup:
            share = float(self._shares.beta(self._recipe.mixup, self._recipe.mixup))
            other = torch.randperm(len(chosen), generator=self._generator)
            windows = torch.lerp(windows[other], windows, share)
            targets = torch.lerp(targets[other], targets, share)
        return functional.cross_entropy(
            network(windows), targets, self._class_weights, label_smoothing=self._recipe.label_smoothing
        )


class _Average:
    """A moving average of parameters and batch norm statistics, which generalises better than the last step's."""

    def __init__(self, network: Network, decay: float) -> None:
        self._network, self._decay = network, decay
        self._live = [value for value in network.state_dict().values() if value.is_floating_point()]
        self._kept = [value.clone() for value in self._live]
        self._steps = 0

    def update(self) -> None:
        """Take in the weights of one more step; early steps count less, so that the start is soon forgotten."""
        self._steps += 1
        decay = min(self._decay, self._steps / (self._steps + 10))
        torch._foreach_lerp_(self._kept, self._live, 1 - decay)

    def network(self) -> Network:
        """The network, now holding the average."""
        for live, kept in zip(self._live, self._kept, strict=True):
            live.copy_(kept)
        return self._network.eval()


def filled(windows: Tensor, fill: Tensor) -> Tensor:
    """Windows (n, time, channels) with every NaN replaced; the same ones, not a copy, where nothing is missing."""
    return torch.where(windows.isnan(), fill, windows) if windows.sum().isnan() else windows


def class_weights(targets: Tensor, exponent: float) -> Tensor:
    """Weight of each class in the loss, mean 1 over targets (n, classes); absent classes weigh nothing."""
    counts = targets.sum(0)
    weights = torch.where(counts > 0, counts.clamp(min=1) ** -exponent, torch.zeros(()))
    return weights * len(targets) / (weights * counts).sum()
