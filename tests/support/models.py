"""Architectures and weights for tests that need a network, but not a good one."""

import random
from dataclasses import replace

import numpy as np
import torch

from factory.architectures import Architecture, Convnet, Design
from factory.artifacts import Float32, Trained
from factory.search.space import Space, at_random
from factory.training.convnet import Network, weights_of

SHAPES = (  # time, channels, classes, triples
    (8, 1, 2, 0),
    (30, 3, 5, 1),
    (128, 9, 6, 3),
    (200, 6, 7, 2),
    (100, 60, 20, 10),
    (2000, 2, 3, 0),
)


def spaces() -> list[Space]:
    """Spaces from the smallest window to wide ones."""
    return [Space(t, c, k, tuple((3 * i, 3 * i + 1, 3 * i + 2) for i in range(n))) for t, c, k, n in SHAPES]


def points(space: Space, family: str, seed: int, mutations: int = 6) -> Architecture:
    """A point of one family of the space, as evolution reaches it."""
    rng, alone = random.Random(seed), replace(space, families=(family,))
    architecture = alone.sample(at_random(rng))
    for _ in range(mutations):
        architecture = alone.mutate(architecture, rng)
    return architecture


def drawn(space: Space, seed: int, mutations: int = 6) -> Convnet:
    """A convolutional network of the space."""
    architecture = points(space, "convnet", seed, mutations)
    assert isinstance(architecture, Convnet)
    return architecture


def untrained(architecture: Convnet, seed: int = 0) -> Trained:
    """Random weights, with batch norm statistics that differ from channel to channel."""
    torch.manual_seed(seed)
    network = Network(architecture)
    network.front.fit(torch.from_numpy(noise(architecture, 16, seed)))
    rng = np.random.default_rng(seed)
    weights = weights_of(network)
    for name, values in weights.items():
        if "norm" in name:
            low, high = (0.5, 2.0) if name.endswith(("var", "weight")) else (-0.5, 0.5)
            weights[name] = rng.uniform(low, high, values.shape).astype(np.float32)
    return Trained(architecture, weights, 0, seed, 0.0)


def noise(architecture: Design, n: int, seed: int = 0) -> Float32:
    """Windows of coloured noise (n, time, channels), channel i in units of i + 1 around 10 i."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(n, architecture.time, architecture.channels)) + rng.normal(
        size=(n, 1, architecture.channels)
    )
    scale = np.arange(architecture.channels) + 1
    return (steps * scale + 10 * np.arange(architecture.channels)).astype(np.float32)
