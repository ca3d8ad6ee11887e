"""Training: an architecture and a lesson in, weights out. The only room that imports the training framework.

`train` makes a `Trained` of any family, `answers` asks one, `epochs_for` says how long is enough, `DEFAULT` is how.
"""

from factory.architectures import Architecture, Autoencoder, Convnet, Density, Kernels, Trees
from factory.artifacts import Float32, Trained
from factory.training import anomaly, kernels, loop, trees
from factory.training.anomaly import FALSE_ALARMS, limits
from factory.training.anomaly_synthetic import synthetic
from factory.training.lesson import UNKNOWN, Lesson
from factory.training.recipe import DEFAULT, Recipe, epochs_for
from factory.training.tempering import tempered

__all__ = [
    "DEFAULT",
    "FALSE_ALARMS",
    "UNKNOWN",
    "Lesson",
    "Recipe",
    "answers",
    "epochs_for",
    "limits",
    "synthetic",
    "tempered",
    "train",
]


def train(architecture: Architecture, lesson: Lesson, seed: int, epochs: int, recipe: Recipe = DEFAULT) -> Trained:
    """Weights for an architecture of any family; `epochs` and `recipe` are for those that learn by gradient."""
    match architecture:
        case Convnet():
            return loop.train(architecture, lesson, seed, epochs, recipe)
        case Density() | Autoencoder():
            return anomaly.train(architecture, lesson, seed, epochs, recipe)
        case Kernels():
            return kernels.train(architecture, lesson, seed, recipe)
        case Trees():
            return trees.train(architecture, lesson, seed, recipe)


def answers(trained: Trained, X: Float32) -> Float32:
    """Probabilities (n, classes) of a trained model itself, for comparison with what was compiled from it."""
    match trained.architecture:
        case Convnet():
            return loop.answers(trained, X)
        case Density() | Autoencoder():
            return anomaly.answers(trained, X)
        case Kernels():
            return kernels.answers(trained, X)
        case Trees():
            return trees.answers(trained, X)
