"""How a network is trained: every number that shapes training, and the optimiser. This is the one file a self-rewriting
run may change.

One-cycle learning rate: Smith and Topin, 2018. Decoupled weight decay: Loshchilov and Hutter, 2019. Mixup: Zhang et
al., 2018.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a training window; 0 switches a change off."""

    jitter: float = 0.05  # noise, standard deviations of the channel
    scaling: float = 0.1  # spread of the factor a whole channel is multiplied by
    shift: float = 0.1  # share of the window it is moved by at most, the rest filled by its edge
    stretch: float = 0.15  # spread of the logarithm of the speed it is played at
    rotation_deg: float = 15.0  # spread of the angle every 3-axis triple is turned by, about a random axis
    channel_dropout: float = 0.02  # probability that a channel is missing


@dataclass(frozen=True)
class Recipe:
    """See the head of this file."""

    batch: int = 64  # windows
    peak_rate: float = 1e-2
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    mixup: float = 0.0  # parameter of the beta distribution; 0: none
    balance: float = 0.5  # exponent of the inverse class frequency that weighs the loss; 0: as they come
    soft_share: float = 0.7  # of a target that the teacher's probabilities make up, where there is a teacher
    average: float = 0.98  # decay a step of the moving average of weights that is kept; 0: the last weights
    augmentation: Augmentation = Augmentation()


DEFAULT = Recipe()

LEAST_STEPS = 120
LEAST_EPOCHS, MOST_EPOCHS = 4, 100
STEP_SAMPLES = 262_144  # windows times samples in one step at most; longer windows come in smaller batches
LEAST_BATCH = 16  # windows; batch norm needs a few
LONG = 512  # samples; of longer windows fewer are seen, so that a training is bounded whatever their length


def batch_for(windows: int, samples: int = 1, recipe: Recipe = DEFAULT) -> int:
    """Windows of `samples` samples that make a step, of `windows` that there are."""
    return min(recipe.batch, max(LEAST_BATCH, STEP_SAMPLES // samples), windows)


def epochs_for(windows: int, seen: int, samples: int = 1, recipe: Recipe = DEFAULT) -> int:
    """Epochs over `windows` windows of `samples` samples, in `LEAST_STEPS` steps at least, after which a network has
    seen about `seen` windows, or fewer if they are long.
    """
    steps_an_epoch = max(1, windows // max(1, batch_for(windows, samples, recipe)))
    shorter = min(1.0, LONG / samples)
    wanted = max(seen * shorter / max(windows, 1), LEAST_STEPS / steps_an_epoch)
    return int(min(max(round(wanted), LEAST_EPOCHS), MOST_EPOCHS))


def optimiser(
    parameters: Iterable[torch.nn.Parameter], steps: int, recipe: Recipe = DEFAULT
) -> tuple[torch.optim.Optimizer, LRScheduler]:
    """AdamW under a one-cycle learning rate over `steps` steps; norms and biases do not decay."""
    known = list(parameters)
    groups = [
        {"params": [p for p in known if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in known if p.ndim <= 1], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, lr=recipe.peak_rate, fused=True)
    return adam, OneCycleLR(adam, max_lr=recipe.peak_rate, total_steps=steps, pct_start=0.25, cycle_momentum=False)
