"""Strong defaults first, then another searcher: a good answer early, whatever the task, and a good start for what
learns from it.

The idea of a portfolio that is asked first: Feurer et al., "Auto-sklearn 2.0", 2022.
"""

from collections.abc import Sequence

from factory.artifacts import Architecture, Block, FrontEnd, Head
from factory.search.searcher import Searcher
from factory.search.space import Space, replace


class Portfolio:
    """Proposes `first` in order, then what `then` proposes; tells `then` everything."""

    def __init__(self, first: Sequence[Architecture], then: Searcher) -> None:
        self._first = list(reversed(first))
        self._then = then

    def ask(self) -> Architecture:
        """The next default, or the other searcher's proposal."""
        return self._first.pop() if self._first else self._then.ask()

    def tell(self, architecture: Architecture, score: float) -> None:
        """Passed on."""
        self._then.tell(architecture, score)


def defaults(space: Space) -> list[Architecture]:
    """Architectures that do well on many sensor tasks, the best guess first."""
    raw, derived = FrontEnd(), FrontEnd(bool(space.triples), differences=True, smoothing=_at_most(space, 9))
    shallow, deep = Head(deviation=True, dropout=0.3), Head(dropout=0.2)
    return [
        space.architecture(raw, _ladder(space, (32, 48, 64), (11, 7, 5)), shallow),
        space.architecture(raw, _ladder(space, (32, 64), (11, 7)), shallow),
        space.architecture(raw, _ladder(space, (32, 64, 64, 96), (9, 7, 5, 5)), deep),
        space.architecture(raw, _separable(_ladder(space, (32, 48, 64, 96), (9, 7, 5, 5))), deep),
        space.architecture(derived, _ladder(space, (24, 32, 48), (7, 5, 5)), shallow),
        space.architecture(raw, _ladder(space, (16, 24, 32), (5, 5, 3)), deep),
    ]


def _ladder(space: Space, widths: Sequence[int], kernels: Sequence[int]) -> tuple[Block, ...]:
    """Blocks that widen while the window gets shorter."""
    sizes = zip(widths, kernels, space.strides(len(widths)), strict=True)
    return tuple(Block(width, kernel, stride) for width, kernel, stride in sizes)


def _separable(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The same with separable convolutions, but for the first, which has few channels to mix."""
    return blocks[:1] + tuple(replace(block, separable=True) for block in blocks[1:])


def _at_most(space: Space, smoothing: int) -> int:
    return smoothing if 2 * smoothing <= space.time else 0
