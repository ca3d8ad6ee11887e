"""Batch norm folded into the layer beside it (Jacob et al., 2018, section 3.2): nothing is left of it in the graph."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from factory.artifacts import Float32

EPSILON = 1e-5  # of torch's batch norm
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
    """Block `index` with its batch norm folded into the last convolution."""
    name = f"blocks.{index}"
    factor, offset = _affine(weights, f"{name}.norm")
    weight = weights[f"{name}.conv.weight"] * factor.reshape(-1, 1, 1, 1)
    return Block(weights.get(f"{name}.depth.weight"), weight.astype(np.float32), offset.astype(np.float32))


def linear(weights: Weights) -> tuple[Float32, Float32]:
    """Weight (classes, features) and bias (classes) of the last layer, with the batch norm before it folded in."""
    factor, offset = _affine(weights, "norm")
    weight = weights["linear.weight"].astype(np.float64)
    bias = weights["linear.bias"] + weight @ offset
    return (weight * factor).astype(np.float32), bias.astype(np.float32)


def _affine(weights: Weights, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Batch norm as factor and offset, in double precision."""
    scale, shift, mean, variance = (
        weights[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / np.sqrt(variance + EPSILON)
    return factor, shift - mean * factor
