"""From an architecture and windows to weights. One thread, everything in memory, reproducible by seed."""

import time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from factory.artifacts import Architecture, Float32, Int64, Trained
from factory.training.augment import Augmenter
from factory.training.network import Network, weights_of, with_weights
from factory.training.recipe import DEFAULT, Recipe, optimiser

EVALUATION_VALUES = 4_000_000  # samples times channels that are answered at once


def train(
    architecture: Architecture, X: Float32, y: Int64, seed: int, epochs: int, recipe: Recipe = DEFAULT
) -> Trained:
    """Train on windows X (n, time, channels), NaN where missing, and classes y (n). Two windows at least."""
    began = time.perf_counter()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    windows, labels = torch.from_numpy(X), torch.from_numpy(y)
    network = Network(architecture)
    network.fit_input(windows)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kept = _Loop(network, windows, labels, seed, recipe).run(epochs)
    return Trained(architecture, weights_of(kept), epochs, seed, time.perf_counter() - began)


def answers(trained: Trained, X: Float32) -> Float32:
    """Probabilities (n, classes) of the trained network itself, for comparison with what was compiled from it."""
    network = with_weights(Network(trained.architecture), dict(trained.weights))
    batch = max(1, EVALUATION_VALUES // X[0].size)
    with torch.inference_mode():
        parts = [functional.softmax(network(part), 1) for part in torch.split(torch.from_numpy(X), batch)]
    probabilities: Float32 = torch.cat(parts).numpy()
    return probabilities


class _Loop:
    """One training run."""

    def __init__(self, network: Network, windows: Tensor, labels: Tensor, seed: int, recipe: Recipe) -> None:
        self._network, self._recipe = network, recipe
        self._windows, self._labels = windows, labels
        self._batch = min(recipe.batch, len(windows))
        self._generator = torch.Generator().manual_seed(seed)
        self._shares = np.random.default_rng(seed)
        self._augmenter = Augmenter(recipe.augmentation, network.architecture.triples, self._generator)
        self._deviation = 1 / network.gain[: network.architecture.channels]
        self._class_weights = class_weights(labels, network.architecture.classes, recipe.balance)

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
        network, labels = self._network, self._labels[chosen]
        windows = self._windows[chosen]
        windows = torch.where(windows.isnan(), network.fill, windows)
        windows = self._augmenter(windows, network.fill, self._deviation)
        if not self._recipe.mixup:
            return self._cross_entropy(network(windows), labels)
        share = float(self._shares.beta(self._recipe.mixup, self._recipe.mixup))
        other = torch.randperm(len(chosen), generator=self._generator)
        logits = network(share * windows + (1 - share) * windows[other])
        return share * self._cross_entropy(logits, labels) + (1 - share) * self._cross_entropy(logits, labels[other])

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits, labels, self._class_weights, label_smoothing=self._recipe.label_smoothing
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


def class_weights(labels: Tensor, classes: int, exponent: float) -> Tensor:
    """Weight of each class in the loss, mean 1 over the windows; absent classes weigh nothing."""
    counts = torch.bincount(labels, minlength=classes).float()
    weights = torch.where(counts > 0, counts.clamp(min=1) ** -exponent, torch.zeros(()))
    return weights * len(labels) / (weights * counts).sum()
