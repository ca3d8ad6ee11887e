"""The search over two integers, and what its networks cost."""

import pytest
import torch

from benchmarks.tinytnas import MOST_CELLS, Point, Shape, TinyNet, search
from factory.architectures import Design, FrontEnd
from factory.artifacts import Budget

DESIGN = Design(128, 9, 6, (), FrontEnd())


def test_k_doubles_while_it_helps_and_then_what_was_put_off_is_tried() -> None:
    asked: list[Point] = []

    def value(point: Point) -> float | None:
        asked.append(point)
        return -abs(point[0] - 20) if point[0] <= 30 else None

    assert search(value, lambda: False) == (20, 3)
    assert asked[:3] == [(4, 3), (8, 3), (16, 3)]
    assert asked.index((28, 3)) < asked.index((24, 3)) < asked.index((20, 3))


def test_another_depth_is_tried_where_width_does_not_help() -> None:
    assert search(lambda point: -abs(point[1] - 1) - 0.01 * point[0], lambda: False) == (8, 1)


def test_it_ends_with_the_time() -> None:
    left = iter([False] * 4 + [True] * 100)
    assert search(lambda point: float(point[0]), lambda: next(left)) == (8, 3)


def test_limits_that_nothing_meets_are_an_error() -> None:
    with pytest.raises(ValueError, match="no network of this search is within the limits"):
        search(lambda point: None, lambda: False)


@pytest.mark.parametrize("point", [(4, 3), (10, 0), (16, MOST_CELLS)])
def test_bytes_and_macs_are_those_of_the_network(point: Point) -> None:
    shape = Shape.of(point, DESIGN)
    network = TinyNet(shape, DESIGN)
    learned = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]
    weights = sum(module.weight.numel() for module in learned)
    outputs = sum(len(module.weight) for module in learned)
    assert shape.bytes == weights + 8 * outputs
    macs = 0

    def count(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal macs
        macs += module.weight[0].numel() * output[0].numel()  # type: ignore[index]

    for module in learned:
        module.register_forward_hook(count)
    network.eval()(torch.zeros(1, 128, 9))
    assert shape.macs == macs


def test_a_short_window_has_fewer_cells() -> None:
    assert Shape.of((4, 4), Design(5, 1, 2, (), FrontEnd())).lengths == (5, 2, 1)


def test_both_limits_count() -> None:
    shape = Shape.of((8, 2), DESIGN)
    assert shape.fits(Budget())
    assert not shape.fits(Budget(max_kb=shape.bytes / 1000 - 0.01))
    assert not shape.fits(Budget(max_macs=shape.macs - 1))
