"""Confidence put right after training: logits divided by a temperature (Guo et al., 2017), which no answer's order
notices and no graph pays for.
"""

from dataclasses import replace

import numpy as np

from factory.artifacts import Trained

LOGITS = ("linear.weight", "linear.bias", "trees.step", "trees.prior")  # what logits are a multiple of, in some family


def tempered(trained: Trained, temperature: float) -> Trained:
    """The same model, as sure as it is right."""
    weights = {
        name: (values / temperature).astype(np.float32) if name in LOGITS else values
        for name, values in trained.weights.items()
    }
    return replace(trained, weights=weights)
