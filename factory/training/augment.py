"""Changes to training windows that a sensor could have made: noise, gain, time, orientation, a dead channel.

After Um et al., "Data augmentation of wearable sensor data", 2017. All act on raw units, where NaN has been filled.
Drawing numbers would cost more than using them, so noise is cut at random places out of a stock of it, and turning and
scaling are one matrix product a window.
"""

import math

import torch
from torch import Tensor

from factory.training.recipe import Augmentation


class Augmenter:
    """Random changes to batches of windows, reproducible by the generator handed in."""

    def __init__(
        self, augmentation: Augmentation, triples: tuple[tuple[int, int, int], ...], generator: torch.Generator
    ) -> None:
        self._how = augmentation
        self._triples = triples
        self._generator = generator
        self._noise = torch.empty(0)

    def __call__(self, windows: Tensor, fill: Tensor, deviation: Tensor) -> Tensor:
        """Changed copies of `windows` (batch, time, channels).

        `fill` (channels) is what a missing value becomes; `deviation` (channels) is the unit of jitter.
        """
        how, batch, channels = self._how, len(windows), windows.shape[2]
        if how.shift or how.stretch:
            windows = self._retimed(windows)
        windows = self._turned(windows)
        if how.jitter:
            windows = torch.addcmul(windows, self._stock(windows.shape), how.jitter * deviation)
        if how.channel_dropout and channels > 1:
            dead = self._uniform(batch, 1, channels) < how.channel_dropout
            windows = torch.where(dead, fill, windows)
        return windows

    def _retimed(self, windows: Tensor) -> Tensor:
        """Every window moved in time and played at its own speed; its first and last sample fill what is missing."""
        batch, time, channels = windows.shape
        centre = (time - 1) / 2
        moves = (2 * self._uniform(batch, 1) - 1) * self._how.shift * time
        speeds = torch.exp(self._how.stretch * self._normal(batch, 1))
        at = ((torch.arange(time) - centre) * speeds + centre + moves).clamp(0, time - 1)
        before = at.floor().clamp(max=max(time - 2, 0)).long()
        share = (at - before).unsqueeze(2)
        rows = (before + torch.arange(batch).unsqueeze(1) * time).flatten()
        samples = windows.reshape(batch * time, channels)
        after = samples.index_select(0, (rows + 1).clamp(max=batch * time - 1)).view(batch, time, channels)
        return torch.lerp(samples.index_select(0, rows).view(batch, time, channels), after, share)

    def _turned(self, windows: Tensor) -> Tensor:
        """Every window's triples turned together, about one random axis, and every channel scaled."""
        how, batch, channels = self._how, len(windows), windows.shape[2]
        factors = 1 + how.scaling * self._normal(batch, 1, channels) if how.scaling else torch.ones(batch, 1, channels)
        if not how.rotation_deg or not self._triples:
            return windows * factors if how.scaling else windows
        mixing = torch.eye(channels).repeat(batch, 1, 1)
        turns = self._rotations(batch)
        for triple in self._triples:
            axes = torch.tensor(triple)
            mixing[:, axes.unsqueeze(1), axes] = turns
        return windows @ (mixing * factors)

    def _rotations(self, batch: int) -> Tensor:
        """Rotation matrices (batch, 3, 3) by Rodrigues' formula."""
        axis = torch.nn.functional.normalize(self._normal(batch, 3), dim=1)
        angle = (torch.pi / 180 * self._how.rotation_deg * self._normal(batch)).view(-1, 1, 1)
        cross = torch.zeros(batch, 3, 3)
        x, y, z = axis.unbind(1)
        cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
        cross = cross - cross.transpose(1, 2)
        return torch.eye(3) + torch.sin(angle) * cross + (1 - torch.cos(angle)) * (cross @ cross)

    def _stock(self, shape: torch.Size) -> Tensor:
        """Noise of a shape, from a random place in a stock that is drawn once."""
        values = math.prod(shape)
        if len(self._noise) < 2 * values:
            self._noise = self._normal(2 * values)
        start = int(torch.randint(values, (), generator=self._generator))
        return self._noise[start : start + values].view(shape)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._generator)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self._generator)
