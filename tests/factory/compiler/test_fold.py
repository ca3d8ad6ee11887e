import numpy as np
import torch

from factory.compiler import fold
from factory.training.network import Network, with_weights
from tests.support.models import drawn, spaces, untrained


def test_a_folded_block_is_convolution_and_batch_norm_in_one() -> None:
    trained = untrained(drawn(spaces()[2], seed=4), seed=1)
    network = with_weights(Network(trained.architecture), dict(trained.weights))
    for index, stage in enumerate(trained.architecture.stages):
        x = torch.randn(2, stage.inputs, 1, stage.length_in, generator=torch.Generator().manual_seed(index))
        block, folded = network.blocks[index], fold.block(trained.weights, index)
        y = x
        if folded.depth is not None:
            y = torch.nn.functional.conv2d(
                y,
                torch.from_numpy(folded.depth),
                None,
                (1, stage.block.stride),
                (0, stage.block.kernel // 2),
                groups=stage.inputs,
            )
        weight, bias = torch.from_numpy(folded.weight), torch.from_numpy(folded.bias)
        stride = 1 if stage.block.separable else stage.block.stride
        y = torch.nn.functional.conv2d(y, weight, bias, (1, stride), (0, weight.shape[3] // 2))
        expected = block(x)
        assert torch.allclose(torch.relu(y + x if stage.residual else y), expected, atol=1e-4)


def test_the_folded_linear_layer_is_batch_norm_and_linear_in_one() -> None:
    trained = untrained(drawn(spaces()[2], seed=4), seed=1)
    network = with_weights(Network(trained.architecture), dict(trained.weights))
    features = torch.randn(5, trained.architecture.features, generator=torch.Generator().manual_seed(0))
    weight, bias = fold.linear(trained.weights)
    expected = network.linear(network.norm(features)).detach().numpy()
    assert np.allclose(features.numpy() @ weight.T + bias, expected, atol=1e-4)
