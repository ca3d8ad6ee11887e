"""Training: an architecture and windows in, weights out. The only room that imports the training framework.

`train` makes a `Trained`, `answers` asks one, `epochs_for` says how long is enough, `DEFAULT` is how.
"""

from factory.training.loop import answers, train
from factory.training.recipe import DEFAULT, Recipe, epochs_for

__all__ = ["DEFAULT", "Recipe", "answers", "epochs_for", "train"]
