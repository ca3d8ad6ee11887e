"""A small convolutional autoencoder that learns to give normal windows back (Sakurada and Yairi, 2014), a little noise
taken off (Vincent et al., 2008).

Its score is the mean over channels of the squared error, each channel's in shares of what it is on the windows learned
from: about 1 for these. On the way out, a convolution makes twice the channels, which then become twice the samples
(Shi et al., 2016): so nothing but plain convolutions is left in the graph.
"""

import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from factory.architectures import Autoencoder
from factory.artifacts import Float32, Trained
from factory.training.front import Front
from factory.training.recipe import DEFAULT, Recipe, optimiser

NOISE = 0.1  # deviations, added to what it sees while training
LEAST_ERROR = 1e-3  # squared deviations: a channel that comes back better than this counts as if it did not
BATCH_VALUES = 4_000_000  # samples times channels that are answered at once


class Network(nn.Module):
    """See the head of this file."""

    def __init__(self, architecture: Autoencoder) -> None:
        super().__init__()
        self.architecture = architecture
        self.front = Front(architecture)
        kernel, half = (1, architecture.kernel), (0, architecture.kernel // 2)
        self.layers = nn.ModuleList(
            nn.Conv2d(layer.inputs, 2 * layer.outputs, kernel, padding=half)
            if layer.upwards
            else nn.Conv2d(layer.inputs, layer.outputs, kernel, (1, 2), half)
            for layer in architecture.layers
        )
        self.register_buffer("share", torch.ones(architecture.inputs))

    def errors(self, windows: Tensor, noise: float = 0.0) -> Tensor:
        """Mean squared error (batch, input) of windows (batch, time, channels)."""
        _, x = self.front(windows)
        back: Tensor = self(x + noise * torch.randn_like(x) if noise else x)
        errors: Tensor = (back - x).square().mean((2, 3))
        return errors

    def forward(self, x: Tensor) -> Tensor:
        """(batch, input, 1, length), there and back."""
        length = x.shape[3]
        for layer, convolution in zip(self.architecture.layers, self.layers, strict=True):
            x = convolution(x)
            x = functional.relu(x) if layer.rectified else x
            x = _longer(x) if layer.upwards else x
        return x[..., :length]


def train(architecture: Autoencoder, X: Float32, seed: int, epochs: int, recipe: Recipe = DEFAULT) -> Trained:
    """Train on normal windows X (n, time, channels)."""
    began = time.perf_counter()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network, windows = Network(architecture), torch.from_numpy(X)
    network.front.fit(windows)
    batch = min(recipe.batch, len(windows))
    steps = len(windows) // batch
    adam, schedule = optimiser(network.parameters(), epochs * steps, recipe)
    for _ in range(epochs):
        for chosen in torch.randperm(len(windows))[: steps * batch].view(steps, batch):
            loss = network.errors(windows[chosen], NOISE).mean()
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            schedule.step()
    network.share = 1 / torch.from_numpy(_errors(network, X)).mean(0).clamp(min=LEAST_ERROR)
    weights = {name: value.numpy().copy(order="C") for name, value in network.state_dict().items()}
    return Trained(architecture, weights, epochs, seed, time.perf_counter() - began)


def scores(trained: Trained, X: Float32) -> Float32:
    """Scores (n) of windows (n, time, channels)."""
    assert isinstance(trained.architecture, Autoencoder)
    network = Network(trained.architecture)
    state = {name: value for name, value in trained.weights.items() if not name.startswith("anomaly.")}
    network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    score: Float32 = (_errors(network, X) * trained.weights["share"]).mean(1)
    return score


def _errors(network: Network, X: Float32) -> Float32:
    batch = max(1, BATCH_VALUES // X[0].size)
    with torch.inference_mode():
        parts = [network.errors(part) for part in torch.split(torch.from_numpy(X), batch)]
    errors: Float32 = torch.cat(parts).numpy()
    return np.ascontiguousarray(errors)


def _longer(x: Tensor) -> Tensor:
    """(batch, 2 * channel, 1, time) -> (batch, channel, 1, 2 * time)."""
    batch, channels, _, time = x.shape
    return x.view(batch, channels // 2, 2, time).transpose(2, 3).reshape(batch, channels // 2, 1, 2 * time)
