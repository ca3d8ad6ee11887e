"""The sides of the comparison that are not ours, by name.

Each takes the windows of the train and the validation part, a budget (file size, MACs, minutes) and a seed. Only those
that search look at the minutes; those without `-small` in their name do not look at the size either, and are there to
show what it costs.
"""

from collections.abc import Mapping

from benchmarks import forest, minirocket, tinytnas
from benchmarks.sides import Fit

SIDES: Mapping[str, Fit] = {
    "minirocket": minirocket.fit,
    "minirocket-small": minirocket.fit_small,
    "forest": forest.fit,
    "forest-small": forest.fit_small,
    "tinytnas": tinytnas.fit,
}
