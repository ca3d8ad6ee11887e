import numpy as np
import pytest
import torch
from torch.nn import functional

from factory.architectures import Block, Convnet, FrontEnd, Head
from factory.compiler import fold
from factory.training.convnet import Network, with_weights
from tests.support.models import untrained

BLOCKS = {
    "plain": Block(6, 5),
    "strided": Block(6, 5, 3),
    "dilated": Block(6, 5, dilation=4),
    "separable": Block(6, 5, 2, separable=True),
    "separable and dilated, with the input added": Block(4, 5, separable=True, dilation=3),
    "branches": Block(6, 7, 2, branches=True),
    "branches and the input itself": Block(4, 7, branches=True),
    "branches of a kernel of one": Block(4, 1, branches=True),
    "branches, dilated, without the input added": Block(4, 5, residual=False, dilation=2, branches=True),
    "separable branches": Block(6, 5, 2, separable=True, branches=True),
    "separable branches and the input itself": Block(6, 9, separable=True, dilation=2, branches=True),
}


def network_of(block: Block) -> tuple[Network, dict[str, np.ndarray]]:
    architecture = Convnet(40, 4, 3, (), FrontEnd(), (block, Block(8, 3)), Head(True))
    trained = untrained(architecture, seed=1)
    return with_weights(Network(architecture), dict(trained.weights)), dict(trained.weights)


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
def test_a_folded_block_answers_as_the_trained_one(block: Block) -> None:
    network, weights = network_of(block)
    stage = network.architecture.stages[0]
    x = torch.randn(2, stage.inputs, 1, stage.length_in, generator=torch.Generator().manual_seed(0))
    folded = fold.block(weights, 0)
    y, stride, dilation = x, (1, block.stride), (1, block.dilation)
    padding = (0, block.dilation * (block.kernel // 2))
    weight, bias = torch.from_numpy(folded.weight), torch.from_numpy(folded.bias)
    if folded.depth is None:
        y = functional.conv2d(y, weight, bias, stride, padding, dilation)
    else:
        y = functional.conv2d(y, torch.from_numpy(folded.depth), None, stride, padding, dilation, stage.inputs)
        y = functional.conv2d(y, weight, bias)
    expected = network.blocks[0](x).detach()
    assert expected.shape == (2, block.width, 1, stage.length_out)
    assert torch.allclose(functional.relu(y + x if stage.residual else y), expected, atol=1e-4)


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
def test_folded_weights_are_those_of_one_convolution(block: Block) -> None:
    folded = fold.block(network_of(block)[1], 0)
    over_time = folded.weight if folded.depth is None else folded.depth
    assert over_time.shape[2:] == (1, block.kernel)
    assert folded.weight.shape[:2] == (block.width, 4)
    assert (folded.depth is not None) == block.separable
    assert folded.weight.dtype == folded.bias.dtype == np.float32


def test_the_folded_linear_layer_is_batch_norm_and_linear_in_one() -> None:
    network, weights = network_of(Block(6, 5))
    features = torch.randn(5, network.architecture.features, generator=torch.Generator().manual_seed(0))
    weight, bias = fold.linear(weights)
    expected = network.linear(network.norm(features)).detach().numpy()
    assert np.allclose(features.numpy() @ weight.T + bias, expected, atol=1e-4)
