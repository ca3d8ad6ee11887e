"""Strong defaults first, then another searcher: a good answer early, whatever the task, and a good start for what
learns from it.

The idea of a portfolio that is asked first: Feurer et al., "Auto-sklearn 2.0", 2022.
"""

from collections.abc import Callable, Sequence

from factory.artifacts import Architecture, Block, FrontEnd, Head
from factory.search.searcher import Searcher
from factory.search.space import Space


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
    triples = bool(space.triples)
    return [
        space.architecture(FrontEnd(), _ladder(space, (24, 32, 48, 64), (7, 5, 5, 3)), Head(dropout=0.2)),
        space.architecture(
            FrontEnd(triples, differences=True, smoothing=_at_most(space, 9)),
            _ladder(space, (24, 32, 48), (7, 5, 5)),
            Head(deviation=True, dropout=0.2),
        ),
        space.architecture(
            FrontEnd(triples), _ladder(space, (32, 48, 64, 96), (9, 7, 5, 5), separable=True), Head(dropout=0.2)
        ),
        space.architecture(FrontEnd(), _ladder(space, (32, 64), (11, 7)), Head(deviation=True, dropout=0.3)),
        space.architecture(FrontEnd(triples), _ladder(space, (16, 24, 32), (5, 5, 3)), Head(dropout=0.1)),
    ]


def _ladder(space: Space, widths: Sequence[int], kernels: Sequence[int], separable: bool = False) -> tuple[Block, ...]:
    """Blocks that widen while the window gets shorter; the first one is plain, for it mixes the channels."""
    make: Callable[[int], bool] = lambda index: separable and index > 0  # noqa: E731
    strides = space.strides(len(widths))
    return tuple(Block(w, k, s, make(i)) for i, (w, k, s) in enumerate(zip(widths, kernels, strides, strict=True)))


def _at_most(space: Space, smoothing: int) -> int:
    return smoothing if 2 * smoothing <= space.time else 0
