"""Batch norm and branches folded into the layer beside them: nothing is left of them in the graph.

Batch norm: Jacob et al., 2018, section 3.2. Branches: Ding et al., "RepVGG", 2021, section 3.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from factory.artifacts import Float32

EPSILON = 1e-5  # of torch's batch norm
FEATURE_EPSILON = 1e-2  # of the norm over features, as in training
Weights = Mapping[str, Float32]


@dataclass(frozen=True, eq=False)
class Block:
    """A block's convolutions.

    `depth` (in, 1, 1, kernel) where it is separable, `weight` (out, in, 1, kernel), `bias` (out).
    """

    depth: Float32 | None
    weight: Float32
    bias: Float32


def block(weights: Weights, index: int) -> Block:
    """Block `index` with its batch norms and branches folded into one convolution, or two where it is separable."""
    name = f"blocks.{index}"
    factor, offset = _affine(weights, f"{name}.norm")
    weight, bias = _kernel(weights, f"{name}.conv")
    depth = None
    if _has(weights, f"{name}.depth"):
        kernel, between = _kernel(weights, f"{name}.depth")
        bias = bias + weight[:, :, 0, 0] @ between  # exact, because the pointwise convolution does not pad
        kernel, weight = _equalised(kernel, weight)
        depth = kernel.astype(np.float32)
    weight = weight * factor.reshape(-1, 1, 1, 1)
    return Block(depth, weight.astype(np.float32), (bias * factor + offset).astype(np.float32))


def _equalised(depth: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same two convolutions, with channels of one scale between them, because 8 bits are shared by all of them.

    Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019, section 4.1.
    """
    scale = np.maximum(np.abs(depth).sum((1, 2, 3)), np.finfo(np.float32).tiny)
    return depth / scale.reshape(-1, 1, 1, 1), point * scale.reshape(1, -1, 1, 1)


def _has(weights: Weights, name: str) -> bool:
    return f"{name}.weight" in weights or f"{name}.convs.0.weight" in weights


def _kernel(weights: Weights, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Weight (out, in a group, 1, kernel) and bias (out) of one convolution, or of the sum of its branches."""
    if f"{name}.weight" in weights:
        single = weights[f"{name}.weight"].astype(np.float64)
        return single, np.zeros(len(single))
    total = np.zeros_like(weights[f"{name}.convs.0.weight"], np.float64)  # the first kernel is the longest
    bias = np.zeros(len(total))
    middle, index = total.shape[3] // 2, 0
    while f"{name}.convs.{index}.weight" in weights:
        factor, offset = _affine(weights, f"{name}.norms.{index}")
        part = weights[f"{name}.convs.{index}.weight"]
        half = part.shape[3] // 2
        total[:, :, :, middle - half : middle + half + 1] += part * factor.reshape(-1, 1, 1, 1)
        bias, index = bias + offset, index + 1
    if f"{name}.same.weight" in weights:
        factor, offset = _affine(weights, f"{name}.same")
        at = np.arange(len(total))
        total[at, at % total.shape[1], 0, middle] += factor
        bias = bias + offset
    return total, bias


def linear(weights: Weights) -> tuple[Float32, Float32]:
    """Weight (classes, features) and bias (classes) of the last layer, with the batch norm before it folded in."""
    factor, offset = _affine(weights, "norm", FEATURE_EPSILON)
    weight = weights["linear.weight"].astype(np.float64)
    bias = weights["linear.bias"] + weight @ offset
    return (weight * factor).astype(np.float32), bias.astype(np.float32)


def _affine(weights: Weights, name: str, epsilon: float = EPSILON) -> tuple[np.ndarray, np.ndarray]:
    """Batch norm as factor and offset, in double precision."""
    scale, shift, mean, variance = (
        weights[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / np.sqrt(variance + epsilon)
    return factor, shift - mean * factor
