"""What takes more work is predicted to take longer. How long it really takes is measured, once it is compiled."""

from dataclasses import replace

import pytest

from factory.architectures import Architecture, Autoencoder, Block, Convnet, Density, FrontEnd, Head, Kernels, Trees
from factory.search import predict_latency_us

SHAPE = (64, 3, 4, ((0, 1, 2),))
BLOCK = Block(16, 5)
NET = Convnet(*SHAPE, FrontEnd(), (BLOCK, BLOCK), Head())
KERNELS = Kernels(*SHAPE, FrontEnd(), 252, 4)
TREES = Trees(*SHAPE, FrontEnd(), 20, 8, 2, 8)

MORE = {
    "a wider block": (NET, replace(NET, blocks=(BLOCK, replace(BLOCK, width=64)))),
    "one more block": (NET, replace(NET, blocks=(BLOCK,) * 3)),
    "a longer kernel": (NET, replace(NET, blocks=(BLOCK, replace(BLOCK, kernel=9)))),
    "statistics": (replace(NET, head=Head(statistics=False)), NET),
    "a longer window": (NET, replace(NET, time=500)),
    "more derived channels": (NET, replace(NET, front=FrontEnd(magnitudes=True, differences=True, smoothing=9))),
    "more kernels": (KERNELS, replace(KERNELS, features=2016)),
    "kernels with more dilations": (KERNELS, replace(KERNELS, dilations=16)),
    "kernels over a longer window": (KERNELS, replace(KERNELS, time=500)),
    "trees on more bands": (replace(TREES, bands=0), TREES),
    "trees over a longer window": (TREES, replace(TREES, time=500)),
}


@pytest.mark.parametrize(("less", "more"), MORE.values(), ids=MORE.keys())
def test_more_work_takes_longer(less: Architecture, more: Architecture) -> None:
    for precision in ("fp32", "int8"):
        assert predict_latency_us(less, precision) < predict_latency_us(more, precision)


DETECTORS: dict[str, Architecture] = {
    "density": Density(*SHAPE, FrontEnd()),
    "autoencoder": Autoencoder(*SHAPE, FrontEnd(), (8, 4), 3),
}


@pytest.mark.parametrize("architecture", DETECTORS.values(), ids=DETECTORS.keys())
def test_a_detector_has_a_latency_too(architecture: Architecture) -> None:
    assert 8 < predict_latency_us(architecture, "fp32") < 200
