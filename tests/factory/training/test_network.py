import numpy as np
import pytest
import torch

from factory.artifacts import Architecture, Block, FrontEnd, Head
from factory.search.space import Space
from factory.training.network import CLIP, Network, filter_bank, weights_of, with_weights
from tests.support.models import drawn, noise, spaces, untrained

FRONTS = [FrontEnd(), FrontEnd(True), FrontEnd(differences=True), FrontEnd(True, True, 5), FrontEnd(smoothing=9)]


def with_front(front: FrontEnd) -> Architecture:
    return Architecture(40, 4, 3, ((0, 1, 2),), front, (Block(8, 5, 2), Block(8, 3)), Head(True))


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_any_point_of_the_space_is_a_network_that_learns(space: Space) -> None:
    for seed in range(5):
        architecture = drawn(space, seed)
        network = Network(architecture)
        windows = torch.from_numpy(noise(architecture, 6, seed))
        network.fit_input(windows)
        logits = network(windows)
        logits.square().mean().backward()
        assert logits.shape == (6, architecture.classes)
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_normalised_signals_have_mean_0_and_deviation_1(front: FrontEnd) -> None:
    architecture = with_front(front)
    network = Network(architecture)
    windows = torch.from_numpy(noise(architecture, 200))
    network.fit_input(windows)
    signals = network.normalised(windows)
    assert torch.allclose(signals.mean((0, 1)), torch.zeros(architecture.signals), atol=1e-3)
    assert torch.allclose(signals.std((0, 1)), torch.ones(architecture.signals), atol=2e-3)


@pytest.mark.parametrize("front", [f for f in FRONTS if f.filters > 1], ids=str)
def test_filtered_signals_are_of_one_scale(front: FrontEnd) -> None:
    architecture = with_front(front)
    network = Network(architecture)
    windows = torch.from_numpy(noise(architecture, 100))
    network.fit_input(windows)
    filtered = network.filtered(network.normalised(windows).transpose(1, 2).unsqueeze(2))
    assert torch.allclose(filtered.std((0, 2, 3)), torch.ones(architecture.signals * front.filters), atol=0.01)


def test_filters_are_slow_part_fast_part_and_difference() -> None:
    signal = torch.tensor([1.0, 4.0, 7.0, 1.0, 2.0]).view(1, 1, 1, 5)
    bank = filter_bank(FrontEnd(differences=True, smoothing=3))
    slow, fast, difference = torch.nn.functional.conv2d(signal, bank, padding=(0, 1))[0, :, 0, 1:4]
    assert torch.allclose(slow, torch.tensor([4.0, 4.0, 10 / 3]))
    assert torch.allclose(slow + fast, torch.tensor([4.0, 7.0, 1.0]))
    assert torch.allclose(difference, torch.tensor([3.0, 3.0, -6.0]))


def test_magnitudes_do_not_change_when_the_device_is_turned() -> None:
    architecture = with_front(FrontEnd(magnitudes=True))
    windows = torch.from_numpy(noise(architecture, 3))
    turned = windows.clone()
    turned[:, :, :3] = (
        windows[:, :, :3] @ torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    )
    before, after = Network(architecture).signals(windows), Network(architecture).signals(turned)
    assert torch.allclose(before[:, :, 4], after[:, :, 4], atol=1e-4)
    assert not torch.allclose(before[:, :, 0], after[:, :, 0], atol=0.1)


def test_missing_values_count_as_the_mean_and_wild_ones_are_clipped() -> None:
    network = Network(with_front(FrontEnd()))
    windows = torch.from_numpy(noise(network.architecture, 50))
    windows[:, :5] = torch.nan
    network.fit_input(windows)
    assert network.normalised(windows)[:, :5].abs().max() < 1e-4
    assert network.normalised(windows + 1e9).max() == CLIP


def test_a_constant_or_missing_channel_does_no_harm() -> None:
    network = Network(with_front(FrontEnd(True, True, 5)))
    windows = torch.from_numpy(noise(network.architecture, 20))
    windows[:, :, 1], windows[:, :, 3] = 7.0, torch.nan
    network.fit_input(windows)
    assert torch.isfinite(network.eval()(windows)).all()


def test_weights_come_back_as_they_went() -> None:
    trained = untrained(drawn(spaces()[3], 1))
    network = with_weights(Network(trained.architecture), dict(trained.weights))
    assert not network.training
    back = weights_of(network)
    assert back.keys() == trained.weights.keys()
    assert all(np.array_equal(back[name], trained.weights[name]) for name in back)
