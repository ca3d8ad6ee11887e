import dataclasses

import pytest
import torch
from torch import Tensor

from factory.training.augment import Augmenter
from factory.training.recipe import Augmentation

OFF = Augmentation(jitter=0, scaling=0, shift=0, stretch=0, rotation_deg=0, channel_dropout=0)
FILL, DEVIATION = torch.tensor([5.0, 6.0, 7.0, 8.0]), torch.tensor([1.0, 1.0, 1.0, 10.0])


def windows() -> Tensor:
    return torch.randn(64, 50, 4, generator=torch.Generator().manual_seed(1))


def changed(seed: int = 0, **how: float) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return Augmenter(dataclasses.replace(OFF, **how), ((0, 1, 2),), generator)(windows(), FILL, DEVIATION)


def test_nothing_changes_when_all_is_off() -> None:
    assert torch.equal(changed(), windows())


@pytest.mark.parametrize("how", ["jitter", "scaling", "shift", "stretch", "rotation_deg", "channel_dropout"])
def test_every_change_changes_a_copy_and_repeats_by_seed(how: str) -> None:
    before = windows()
    first, again, other = changed(3, **{how: 0.3}), changed(3, **{how: 0.3}), changed(4, **{how: 0.3})
    assert torch.equal(first, again)
    assert not torch.equal(first, before)
    assert not torch.equal(first, other)


def test_jitter_is_in_deviations_of_its_channel() -> None:
    noise = (changed(jitter=0.1) - windows()).std((0, 1))
    assert torch.allclose(noise, 0.1 * DEVIATION, rtol=0.1)


def test_scaling_multiplies_a_whole_channel() -> None:
    factors = changed(scaling=0.2) / windows()
    assert (factors.std(1) < 1e-3).all()
    assert 0.1 < factors[:, 0].std() < 0.3


def test_rotation_keeps_lengths_and_leaves_other_channels_alone() -> None:
    turned, before = changed(rotation_deg=40), windows()
    assert torch.allclose(turned[:, :, :3].norm(dim=2), before[:, :, :3].norm(dim=2), atol=1e-4)
    assert torch.equal(turned[:, :, 3], before[:, :, 3])
    products = turned[:, :, :3] @ turned[:, :, :3].transpose(1, 2)
    assert torch.allclose(products, before[:, :, :3] @ before[:, :, :3].transpose(1, 2), atol=1e-3)


def test_rotation_turns_by_about_the_angle_asked_for() -> None:
    turned, before = changed(rotation_deg=10)[:, :, :3], windows()[:, :, :3]
    cosine = torch.nn.functional.cosine_similarity(turned, before, dim=2).clamp(-1, 1)
    assert 2 < torch.rad2deg(torch.arccos(cosine)).mean() < 10


def ramps() -> Tensor:
    """Windows whose every value is the number of its sample."""
    return torch.arange(50.0).view(1, 50, 1).repeat(64, 1, 4)


def retimed(**how: float) -> Tensor:
    augmenter = Augmenter(dataclasses.replace(OFF, **how), (), torch.Generator().manual_seed(0))
    return augmenter(ramps(), FILL, DEVIATION)


def test_shift_moves_by_at_most_its_share_and_holds_the_edge() -> None:
    moves = retimed(shift=0.1) - ramps()
    assert moves.abs().max() <= 5.001
    assert torch.allclose(moves[:, 5:-5], moves[:, 25:26].expand(-1, 40, -1), atol=1e-4)
    assert moves[:, 25].min() < -2
    assert moves[:, 25].max() > 2
    assert retimed(shift=0.1).min() == 0
    assert retimed(shift=0.1).max() == 49


def test_stretch_plays_faster_or_slower_about_the_centre() -> None:
    speeds = (retimed(stretch=0.1)[:, 30, 0] - retimed(stretch=0.1)[:, 20, 0]) / 10
    assert 0.05 < speeds.log().std() < 0.15
    assert (retimed(stretch=0.1)[:, 24:26].mean((1, 2)) - 24.5).abs().max() < 1e-3


def test_a_single_sample_cannot_be_retimed() -> None:
    one = torch.ones(3, 1, 2)
    augmenter = Augmenter(dataclasses.replace(OFF, shift=0.5, stretch=0.5), (), torch.Generator().manual_seed(0))
    assert torch.equal(augmenter(one, torch.zeros(2), torch.ones(2)), one)


def test_a_dropped_channel_is_what_a_missing_one_becomes() -> None:
    dropped = changed(channel_dropout=0.5)
    dead = (dropped == FILL).all(1)
    assert 0.3 < dead.float().mean() < 0.7
    assert torch.equal(dropped.transpose(1, 2)[~dead], windows().transpose(1, 2)[~dead])


def test_the_only_channel_is_never_dropped() -> None:
    one = torch.ones(32, 10, 1)
    augmenter = Augmenter(dataclasses.replace(OFF, channel_dropout=0.9), (), torch.Generator().manual_seed(0))
    assert torch.equal(augmenter(one, torch.zeros(1), torch.ones(1)), one)
