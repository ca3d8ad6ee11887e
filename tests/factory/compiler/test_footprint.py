"""The account of a graph small enough to count by hand."""

from factory.architectures import Block, Convnet, FrontEnd, Head
from factory.compiler.footprint import footprint
from factory.compiler.graph import build
from factory.compiler.passes import apply
from factory.compiler.passes.quantise import Quantise
from tests.support.models import noise, untrained

# 10 samples of 2 channels -> 5 of 4 by a kernel of 3 -> average and maximum: 8 features -> 3 classes
ARCHITECTURE = Convnet(10, 2, 3, (), FrontEnd(), (Block(4, 3, 2),), Head(statistics=False))


def test_counted_by_hand() -> None:
    counted = footprint(build(untrained(ARCHITECTURE)))
    assert counted.macs == 5 * 3 * 2 * 4 + 8 * 3
    assert counted.parameters == 3 * 2 * 4 + 4 + 8 * 3 + 3
    assert counted.peak_activation_bytes == 20 * (4 + 4 + 1)  # IsNaN's answer and the window in, the filled window out


def test_int8_values_between_operators_count_one_byte() -> None:
    wide = Convnet(10, 2, 3, (), FrontEnd(), (Block(64, 3), Block(64, 3, residual=False)), Head(statistics=False))
    model = build(untrained(wide))
    quantised = apply(model, [Quantise(noise(wide, 8))])
    assert footprint(model).peak_activation_bytes == 4 * 2 * 640
    assert footprint(quantised).peak_activation_bytes == 2 * 640
    assert footprint(quantised).macs == footprint(model).macs
    assert footprint(quantised).parameters == footprint(model).parameters


def test_file_bytes_are_the_file() -> None:
    model = build(untrained(ARCHITECTURE))
    assert footprint(model).file_bytes == len(model.SerializeToString())
