"""Changes to training windows that a sensor could have made: noise, gain, time, orientation, a dead channel.

After Um et al., "Data augmentation of wearable sensor data", 2017. All act on raw units, where NaN has been filled.
"""

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

    def __call__(self, windows: Tensor, fill: Tensor, deviation: Tensor) -> Tensor:
        """Changed copies of `windows` (batch, time, channels).

        `fill` (channels) is what a missing value becomes; `deviation` (channels) is the unit of jitter.
        """
        how, batch, channels = self._how, len(windows), windows.shape[2]
        if how.shift or how.stretch:
            windows = self._retimed(windows)
        if how.rotation_deg:
            windows = self._rotated(windows)
        if how.scaling:
            windows = windows * (1 + how.scaling * self._normal(batch, 1, channels))
        if how.jitter:
            windows = windows + how.jitter * deviation * self._normal(*windows.shape)
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
        rows = before.unsqueeze(2).expand(-1, -1, channels)
        return torch.lerp(windows.gather(1, rows), windows.gather(1, (rows + 1).clamp(max=time - 1)), share)

    def _rotated(self, windows: Tensor) -> Tensor:
        """Every window's triples turned together, about one random axis."""
        if not self._triples:
            return windows
        turns = self._rotations(len(windows))
        turned = windows.clone()
        for triple in self._triples:
            columns = list(triple)
            turned[:, :, columns] = windows[:, :, columns] @ turns
        return turned

    def _rotations(self, batch: int) -> Tensor:
        """Rotation matrices (batch, 3, 3) by Rodrigues' formula."""
        axis = torch.nn.functional.normalize(self._normal(batch, 3), dim=1)
        angle = (torch.pi / 180 * self._how.rotation_deg * self._normal(batch)).view(-1, 1, 1)
        cross = torch.zeros(batch, 3, 3)
        x, y, z = axis.unbind(1)
        cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
        cross = cross - cross.transpose(1, 2)
        return torch.eye(3) + torch.sin(angle) * cross + (1 - torch.cos(angle)) * (cross @ cross)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._generator)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self._generator)
