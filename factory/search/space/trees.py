"""The space of decision trees on features of the window.

Rule: `shrink` walks from any point down to `floor`: features that take no multiplications where those are what is
dear, then fewer and smaller trees, then fewer features.
"""

from collections.abc import Mapping

from factory.architectures import FRAME_A_BAND, FrontEnd, Trees
from factory.search.space import front as fronts
from factory.search.space.choices import Choose, Value
from factory.search.space.shape import Shape, replace, step

TREES = (1, 2, 5, 10, 20, 40, 80, 120, 160, 240, 320, 480)
LEAVES = (4, 8, 16, 32, 64)
SEGMENTS = (1, 2, 3, 4, 8)
BANDS = (0, 8, 16, 32)
SHORTEST = 4  # samples of a segment, at least


def architecture(shape: Shape, front: FrontEnd, forest: tuple[int, int], features: tuple[int, int]) -> Trees:
    """A point of this space: so many trees of so many leaves, on so many segments and bands."""
    return Trees(shape.time, shape.channels, shape.classes, shape.triples, front, *forest, *features)


def sample(shape: Shape, choose: Choose) -> Trees:
    """A point."""
    front = fronts.sample(shape, choose)
    forest = choose("trees.forest.trees", TREES), choose("trees.forest.leaves", LEAVES)
    bands = choose("trees.features.bands", bands_of(shape)) if front.spectrum is None else 0
    return architecture(shape, front, forest, (choose("trees.features.segments", segments_of(shape)), bands))


def values(point: Trees) -> Mapping[str, Value]:
    """The decisions that lead to a point, by name."""
    return {
        **fronts.values(point.front),
        "trees.forest.trees": point.trees,
        "trees.forest.leaves": point.leaves,
        "trees.features.segments": point.segments,
        "trees.features.bands": point.bands,
    }


def segments_of(shape: Shape) -> tuple[int, ...]:
    """Into how many parts a window can be cut."""
    return tuple(count for count in SEGMENTS if count == 1 or SHORTEST * count <= shape.time)


def bands_of(shape: Shape) -> tuple[int, ...]:
    """How many bands a window can tell apart."""
    return tuple(count for count in BANDS if FRAME_A_BAND * count <= shape.time)


def shrink(shape: Shape, point: Trees, *, faster: bool) -> Trees:
    """A cheaper point; `floor` stays as it is."""
    if faster and point.bands:
        return replace(point, bands=step(BANDS, point.bands, -1))
    if faster and (point.front.filters > 1 or point.front.spectrum is not None):
        return replace(point, front=fronts.cheaper(point.front))
    if point.trees > TREES[0]:
        return replace(point, trees=min(point.trees - 1, step(TREES, point.trees, -1)))
    if point.leaves > LEAVES[0]:
        return replace(point, leaves=min(point.leaves - 1, step(LEAVES, point.leaves, -1)))
    if point.segments > 1 or point.bands:
        return replace(point, segments=1, bands=step(BANDS, point.bands, -1))
    return floor(shape, point.front if point != floor(shape, point.front) else fronts.cheaper(point.front))


def floor(shape: Shape, front: FrontEnd) -> Trees:
    """The cheapest point behind a front end."""
    return architecture(shape, front, (TREES[0], LEAVES[0]), (1, 0))


def defaults(shape: Shape) -> list[Trees]:
    """Points that do well on many sensor tasks, the best guess first."""
    front, segments, bands = FrontEnd(bool(shape.triples)), segments_of(shape), bands_of(shape)
    return [
        architecture(shape, front, (240, 16), (min(4, segments[-1]), min(16, bands[-1]))),
        architecture(shape, front, (80, 16), (1, 0)),
    ]
