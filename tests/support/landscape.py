"""A world without training: what architectures would score, so that searchers can be compared in a second.

Accuracy saturates in MACs, as it does everywhere; kernels, dilation and the front end interact; a short training gives
less than a full one, with more noise.
"""

import math
import random

from factory.architectures import Architecture, Convnet
from factory.search import Searcher, predict

NOISE = 0.01  # spread of a score at full effort


def quality(architecture: Architecture) -> float:
    """What an architecture is truly worth."""
    macs = predict(architecture)["int8"].macs
    capacity = 0.3 * (1 - math.exp(-macs / 200_000))
    front = architecture.front
    known = 0.06 * front.magnitudes - 0.05 * (front.smoothing > 9) - 0.08 * (front.spectrum is not None)
    return 0.5 + capacity + known + (_body(architecture) if isinstance(architecture, Convnet) else 0.02)


def _body(architecture: Convnet) -> float:
    """A convolutional body likes a middling field of view, statistics, and separable blocks if they are wide."""
    view = sum(math.log2(block.kernel * block.dilation) for block in architecture.blocks) / len(architecture.blocks)
    separable = [block.separable == (block.width >= 32) for block in architecture.blocks]
    head = 0.04 * architecture.head.statistics + 0.02 * (architecture.head.dropout > 0)
    return 0.05 * sum(separable) / len(separable) - 0.04 * abs(view - 3.3) + head


def observed(architecture: Architecture, effort: float, rng: random.Random) -> float:
    """What a trial would score."""
    learned = 1 - 0.1 * (1 - effort)
    return quality(architecture) * learned + rng.gauss(0, NOISE / math.sqrt(effort))


def searched(searcher: Searcher, seed: int, effort: float = 120.0) -> float:
    """The true quality of what looks best after so much effort, of those trained in full."""
    noise = random.Random(seed)
    found: list[tuple[float, float]] = []
    while effort > 0:
        proposal = searcher.ask()
        effort -= proposal.effort
        score = observed(proposal.architecture, proposal.effort, noise)
        searcher.tell(proposal, score)
        if proposal.effort == 1:
            found.append((score, quality(proposal.architecture)))
    return max(found)[1]
