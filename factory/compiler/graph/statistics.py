"""Statistics of signals over time, as nodes of a graph: the counterpart of those in `training/convnet.py`."""

from typing import Any

import numpy as np

from factory.compiler.graph.builder import EPSILON, INPUT_STAGE, Builder, mean_square

LEAST_POWER = 1e-3  # inside logarithms, as in training


def statistics(builder: Builder, x: str, length: int) -> list[str]:
    """Mean, deviation, minimum, maximum, log power, and log power of differences of (batch, length, signals)."""

    def add(operator: str, *inputs: str, **attributes: Any) -> str:
        return builder.add(operator, *inputs, stage=INPUT_STAGE, **attributes)

    def constant(value: int) -> str:
        return builder.constant([value], np.int64)

    mean = add("ReduceMean", x, axes=[1], keepdims=1)
    power = mean_square(builder, add("Sub", x, mean), [1])
    low, high = (add(operator, x, axes=[1], keepdims=0) for operator in ("ReduceMin", "ReduceMax"))
    deviation = add("Sqrt", add("Add", power, builder.constant(EPSILON)))
    powers = power
    if length > 1:
        later = add("Slice", x, constant(1), constant(length), constant(1))
        earlier = add("Slice", x, constant(0), constant(length - 1), constant(1))
        powers = add("Concat", power, mean_square(builder, add("Sub", later, earlier), [1]), axis=1)
    logs = add("Log", add("Add", powers, builder.constant(LEAST_POWER)))
    return [add("Squeeze", mean, constant(1)), deviation, low, high, logs]
