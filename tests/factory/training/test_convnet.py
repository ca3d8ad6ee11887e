import numpy as np
import pytest
import torch

from factory.architectures import Block, Convnet, FrontEnd, Head
from factory.search.space import Space
from factory.training.convnet import LEAST_POWER, Network, Pointwise, statistics, weights_of, with_weights
from tests.support.models import drawn, noise, spaces, untrained


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_any_point_of_the_space_is_a_network_that_learns(space: Space) -> None:
    for seed in range(5):
        architecture = drawn(space, seed)
        network = Network(architecture)
        windows = torch.from_numpy(noise(architecture, 6, seed))
        network.front.fit(windows)
        logits = network(windows)
        logits.square().mean().backward()
        assert logits.shape == (6, architecture.classes)
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_weights_come_back_as_they_went() -> None:
    architecture = drawn(spaces()[3], 1)
    trained = untrained(architecture)
    network = with_weights(Network(architecture), dict(trained.weights))
    assert not network.training
    back = weights_of(network)
    assert back.keys() == trained.weights.keys()
    assert all(np.array_equal(back[name], trained.weights[name]) for name in back)


def test_statistics_are_taken_over_time() -> None:
    architecture = Convnet(4, 2, 2, (), FrontEnd(), (Block(4, 3),), Head())
    x = torch.tensor([[[0.0, 5.0], [1.0, 5.0], [0.0, 5.0], [3.0, 5.0]]])
    found = statistics(x).view(6, 2)
    assert architecture.statistics == found.numel()
    assert torch.allclose(found[:4, 0], torch.tensor([1.0, 1.5**0.5, 0.0, 3.0]), atol=1e-3)
    assert torch.allclose(found[4:, 0].exp(), torch.tensor([1.5, 11 / 3]), atol=2e-3)
    assert torch.allclose(found[4:, 1].exp(), torch.full((2,), LEAST_POWER))


def test_a_single_sample_has_no_differences() -> None:
    architecture = Convnet(1, 3, 2, (), FrontEnd(), (Block(4, 3),), Head())
    logits = Network(architecture)(torch.from_numpy(noise(architecture, 5)))
    assert architecture.statistics == 5 * 3
    assert torch.isfinite(logits).all()


def test_leaving_samples_out_first_is_what_a_stride_does() -> None:
    ours = Pointwise(4, 6, 3, 2)
    x = torch.randn(2, 4, 1, 20, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(ours(x), torch.nn.functional.conv2d(x, ours.weight, stride=(1, 3), groups=2), atol=1e-6)


def test_the_gradient_of_a_strided_branch_keeps_to_its_own_memory() -> None:
    architecture = Convnet(2000, 6, 2, (), FrontEnd(), (Block(48, 3, 8, dilation=2, branches=True),), Head())
    network = Network(architecture).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    windows = torch.from_numpy(noise(architecture, 6))
    for _ in range(10):
        network(windows).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
