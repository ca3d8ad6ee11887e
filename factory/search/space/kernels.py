"""The space of kernels that are not learned.

Rule: `shrink` walks from any point down to `floor`: fewer positions where multiplications are what is dear, then fewer
features, of fewer kinds.
"""

from collections.abc import Mapping

from factory.architectures import FrontEnd, Kernels
from factory.search.space import front as fronts
from factory.search.space.choices import Choose, Value
from factory.search.space.shape import Shape, replace, step

FEATURES = (4, 12, 24, 48, 84, 168, 252, 336, 504, 756, 1008, 1512, 2016, 3024, 4032, 6048, 8064)
DRAWN_FEATURES = FEATURES[4:]
DILATIONS = (1, 2, 4, 8, 16)
THRESHOLDS = (4, 8, 12)
SEGMENTS = (1, 2, 3, 4)
STRIDES = (1, 2, 4)
SHORTEST = 4  # positions of a segment, at least


def sample(shape: Shape, choose: Choose) -> Kernels:
    """A point."""
    front = fronts.sample(shape, choose)
    point = Kernels(
        shape.time,
        shape.channels,
        shape.classes,
        shape.triples,
        front,
        choose("kernels.size.features", DRAWN_FEATURES),
        choose("kernels.size.dilations", DILATIONS),
        choose("kernels.kind.thresholds", THRESHOLDS),
        statistics=choose("kernels.kind.statistics", (False, True)),
        relative=choose("kernels.kind.relative", (False, True)),
    )
    stride = choose("kernels.kind.stride", STRIDES)
    return _cut(replace(point, stride=stride), choose("kernels.kind.segments", SEGMENTS))


def values(point: Kernels) -> Mapping[str, Value]:
    """The decisions that lead to a point, by name."""
    return {
        **fronts.values(point.front),
        "kernels.size.features": point.features,
        "kernels.size.dilations": point.dilations,
        "kernels.kind.thresholds": point.thresholds,
        "kernels.kind.statistics": point.statistics,
        "kernels.kind.relative": point.relative,
        "kernels.kind.stride": point.stride,
        "kernels.kind.segments": point.segments,
    }


def shrink(shape: Shape, point: Kernels, *, faster: bool) -> Kernels:
    """A cheaper point; `floor` stays as it is."""
    if faster and point.stride < STRIDES[-1]:
        sparser = _cut(replace(point, stride=step(STRIDES, point.stride, 1)), point.segments)
        # As many kernels as before, even where there is no room for as many segments
        return replace(sparser, features=max(FEATURES[0], point.features * sparser.segments // point.segments))
    for field, options in (("features", FEATURES), ("segments", SEGMENTS), ("thresholds", THRESHOLDS)):
        value: int = getattr(point, field)
        if value > options[0]:
            return replace(point, **{field: min(value - 1, step(options, value, -1))})
    if point.dilations > 1:
        return replace(point, dilations=step(DILATIONS, point.dilations, -1))
    return floor(shape, point.front if point != floor(shape, point.front) else fronts.cheaper(point.front))


def floor(shape: Shape, front: FrontEnd) -> Kernels:
    """The cheapest point behind a front end."""
    point = Kernels(shape.time, shape.channels, shape.classes, shape.triples, front, FEATURES[0], 1, THRESHOLDS[0])
    return replace(point, stride=STRIDES[-1], statistics=False)


def defaults(shape: Shape) -> list[Kernels]:
    """Points that do well on many sensor tasks, the best guess first."""
    derived, raw = FrontEnd(bool(shape.triples), differences=True), FrontEnd(bool(shape.triples))
    spectrum = fronts.default(shape)
    heard = (
        []
        if spectrum is None
        else [Kernels(shape.time, shape.channels, shape.classes, shape.triples, spectrum, 4032, 4)]
    )
    return [
        Kernels(shape.time, shape.channels, shape.classes, shape.triples, derived, 2016, 8),
        *heard,
        Kernels(shape.time, shape.channels, shape.classes, shape.triples, raw, 4032, 8, relative=True),
        Kernels(shape.time, shape.channels, shape.classes, shape.triples, raw, 4032, 16, 4),
        Kernels(shape.time, shape.channels, shape.classes, shape.triples, raw, 1008, 4),
    ]


def _cut(point: Kernels, segments: int) -> Kernels:
    """The point with so many segments, or as many as there is room for."""
    return replace(point, segments=max(1, min(segments, point.positions // SHORTEST)))
