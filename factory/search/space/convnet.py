"""The space of convolutional networks.

Rules
1. Every point is valid: shapes always work out, because padding keeps the length and strides round up.
2. Strides adapt: a draw aims at `AIM` samples after the last block, whatever the length of the window.
3. `shrink` walks from any point, in few steps, down to the cheapest point, `floor`: narrower, then shorter where
   multiplications are what is dear, then separable, and only then so narrow that little is learned any more.
"""

import math
from collections.abc import Mapping, Sequence

from factory.architectures import Block, Convnet, FrontEnd, Head
from factory.search.space import front as fronts
from factory.search.space.choices import Choose, Value
from factory.search.space.shape import Shape, replace, step

WIDTHS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
FIRST_WIDTHS = WIDTHS[1:8]
GROWTH = (-1, 0, 1, 2)  # steps through `WIDTHS` from one block to the next
KERNELS = (3, 5, 7, 9, 11)
STRIDES = (1, 2, 4, 8)
HASTE = (-1, 0, 1)  # steps through `STRIDES` from the stride that rule 2 wants
DILATIONS = (1, 2, 4)
DROPOUT = (0.0, 0.1, 0.2, 0.3)
DEPTHS = (1, 2, 3, 4)
AIM = 12  # samples
WIDE, NARROW = 32, 16  # channels of the widest block while there are better ways to make it faster, or smaller
SPLIT = 9  # samples of the moving average in a default


def architecture(shape: Shape, front: FrontEnd, blocks: tuple[Block, ...], head: Head) -> Convnet:
    """A point of this space."""
    return Convnet(shape.time, shape.channels, shape.classes, shape.triples, front, blocks, head)


def sample(shape: Shape, choose: Choose) -> Convnet:
    """A point."""
    front = fronts.sample(shape, choose)
    depth = choose("convnet.body.depth", DEPTHS)
    width = choose("convnet.body.width", FIRST_WIDTHS)
    blocks: list[Block] = []
    for index, planned in enumerate(strides(length_of(shape, front), depth)):
        growth = choose(f"convnet.{index}.growth", GROWTH) if blocks else 0
        width = step(WIDTHS, width, growth)
        stride = step(STRIDES, planned, choose(f"convnet.{index}.haste", HASTE))
        adds = bool(blocks) and blocks[-1].width == width and stride == 1
        blocks.append(_block(f"convnet.{index}", Block(width, KERNELS[0], stride), adds, choose))
    head = Head(
        choose("convnet.head.deviation", (False, True)),
        choose("convnet.head.statistics", (False, True)),
        choose("convnet.head.dropout", DROPOUT),
    )
    return architecture(shape, front, tuple(blocks), head)


def values(point: Convnet) -> Mapping[str, Value]:
    """The decisions that lead to a point, by name."""
    blocks = point.blocks
    given: dict[str, Value] = {
        **fronts.values(point.front),
        "convnet.body.depth": len(blocks),
        "convnet.body.width": blocks[0].width,
        "convnet.head.deviation": point.head.deviation,
        "convnet.head.statistics": point.head.statistics,
        "convnet.head.dropout": point.head.dropout,
    }
    planned = strides(point.length, len(blocks))
    for index, (block, stride) in enumerate(zip(blocks, planned, strict=True)):
        given |= {f"convnet.{index}.{name}": value for name, value in vars(block).items()}
        given[f"convnet.{index}.haste"] = _steps(STRIDES, stride, block.stride)
        given[f"convnet.{index}.growth"] = _steps(WIDTHS, blocks[max(index - 1, 0)].width, block.width)
    return given


def strides(length: int, depth: int) -> tuple[int, ...]:
    """Strides of `depth` blocks that bring `length` samples to about `AIM`, the largest first (rule 2)."""
    left = max(0, round(math.log2(max(length, 1) / AIM)))
    powers = []
    for remaining in range(depth, 0, -1):
        power = min(-(-left // remaining), len(STRIDES) - 1)
        powers.append(power)
        left -= power
    return tuple(2**power for power in powers)


def length_of(shape: Shape, front: FrontEnd) -> int:
    """Samples, or frames, that come out of a front end."""
    return shape.time if front.spectrum is None else front.spectrum.frames(shape.time)


def shrink(shape: Shape, point: Convnet, *, faster: bool) -> Convnet:
    """A cheaper point; `floor` stays as it is (rule 3)."""
    blocks = point.blocks
    widest = max(block.width for block in blocks)
    if widest > (WIDE if faster else NARROW):
        return replace(point, blocks=_narrower(blocks))
    long = faster and point.stages[-1].length_out > AIM
    if blocks[0].stride < STRIDES[-1] and (long or widest == WIDTHS[0]):
        return replace(point, blocks=_hastier(blocks))
    if widest > WIDTHS[0]:
        separable = _separable(blocks) if widest <= NARROW else blocks
        return replace(point, blocks=separable if separable != blocks else _narrower(blocks))
    if len(blocks) > 1:
        return replace(point, blocks=blocks[:-1])
    return floor(shape, point.front if point != floor(shape, point.front) else fronts.cheaper(point.front))


def floor(shape: Shape, front: FrontEnd) -> Convnet:
    """The cheapest point behind a front end, in bytes and in MACs."""
    block = Block(WIDTHS[0], KERNELS[0], STRIDES[-1], separable=False, residual=False)
    return architecture(shape, front, (block,), Head(statistics=False))


def defaults(shape: Shape) -> list[Convnet]:
    """Points that do well on many sensor tasks, the best guess first."""
    raw = FrontEnd()
    derived = FrontEnd(
        bool(shape.triples), differences=True, smoothing=SPLIT if SPLIT in fronts.smoothings(shape) else 0
    )
    shallow, deep = Head(deviation=True, dropout=0.3), Head(dropout=0.2)
    light = tuple(replace(block, separable=True) for block in _hastier(_ladder(shape, (24, 40, 64), (9, 7, 5))))
    return [
        *(_on_spectrum(shape) if shape.rate_hz >= fronts.MEL_HZ else []),
        architecture(shape, raw, _ladder(shape, (32, 48, 64), (11, 7, 5)), shallow),
        *(_on_spectrum(shape) if shape.rate_hz < fronts.MEL_HZ else []),
        architecture(shape, FrontEnd(bool(shape.triples)), light, replace(shallow, dropout=0.2)),
        architecture(shape, raw, _ladder(shape, (32, 64, 64, 96), (9, 7, 5, 5)), deep),
        architecture(shape, raw, _ladder(shape, (32, 64), (11, 7)), shallow),
        architecture(shape, raw, _separable(_ladder(shape, (32, 48, 64, 96), (9, 7, 5, 5))), deep),
        architecture(shape, derived, _ladder(shape, (24, 32, 48), (7, 5, 5)), shallow),
        architecture(shape, raw, _ladder(shape, (16, 24, 32), (5, 5, 3)), deep),
    ]


def _block(name: str, block: Block, adds: bool, choose: Choose) -> Block:
    """A block of this width and stride; `adds`: a residual is possible, so that it is worth asking."""
    return replace(
        block,
        kernel=choose(f"{name}.kernel", KERNELS),
        separable=choose(f"{name}.separable", (False, True)),
        residual=not adds or choose(f"{name}.residual", (False, True)),
        dilation=choose(f"{name}.dilation", DILATIONS),
        branches=choose(f"{name}.branches", (False, True)),
    )


def _on_spectrum(shape: Shape) -> list[Convnet]:
    """A small network on a spectrum, where windows are long enough for one."""
    front = fronts.default(shape)
    if front is None:
        return []
    blocks = _ladder(shape, (48, 64, 64), (5, 3, 3), front)
    return [architecture(shape, front, blocks, Head(dropout=0.2))]


def _ladder(
    shape: Shape, widths: Sequence[int], kernels: Sequence[int], front: FrontEnd | None = None
) -> tuple[Block, ...]:
    """Blocks that widen while the window gets shorter."""
    length = length_of(shape, FrontEnd() if front is None else front)
    sizes = zip(widths, kernels, strides(length, len(widths)), strict=True)
    return tuple(Block(width, kernel, stride) for width, kernel, stride in sizes)


def _separable(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The same with separable convolutions, but for the first, which has few channels to mix."""
    return blocks[:1] + tuple(replace(block, separable=True) for block in blocks[1:])


def _narrower(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """One step, of all that are more than half as wide as the widest."""
    widest = max(block.width for block in blocks)
    return tuple(replace(b, width=step(WIDTHS, b.width, -1)) if 2 * b.width > widest else b for b in blocks)


def _hastier(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    return replace(blocks[0], stride=step(STRIDES, blocks[0].stride, 1)), *blocks[1:]


def _steps(options: tuple[int, ...], begin: int, end: int) -> int:
    at = [min(range(len(options)), key=lambda i: abs(options[i] - value)) for value in (begin, end)]
    return at[1] - at[0]
