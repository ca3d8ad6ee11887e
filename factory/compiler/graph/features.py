"""Features of a window in a graph, the same that training/features.py makes in torch."""

import math

import numpy as np
from onnx import TensorProto

from factory.architectures import Trees
from factory.artifacts import Trained
from factory.compiler.graph.builder import INPUT, Builder, InputPart
from factory.compiler.graph.front import front
from factory.compiler.graph.spectrum import Spectral

HYSTERESIS = 0.01  # as in training
EPSILON = 1e-3


class Features(InputPart):
    """Adds the features of one architecture to a graph."""

    def __init__(self, builder: Builder, architecture: Trees, trained: Trained) -> None:
        super().__init__(builder)
        self._architecture, self._trained = architecture, trained

    def joined(self) -> str:
        """(batch, features)."""
        architecture = self._architecture
        signals, x = front(self._builder, self._trained)  # (batch, input, 1, length)
        share = self._present()
        x, parts = self._stretched(x, share), [share]
        deep = self._add("Unsqueeze", share, self._integers(2, 3))
        for count in architecture.cuts:
            parts += self._statistics(x, count, deep)
        if architecture.fourier is not None:
            floor = self._trained.weights["fourier.floor"]
            signals = self._add("Transpose", signals, perm=[0, 2, 1])
            power = Spectral(self._builder, architecture.fourier).logarithm(signals, architecture.signals, floor)
            parts.append(self._over_frames(power, share))
        return self._add("Concat", *parts, axis=1)

    def _present(self) -> str:
        """The share (batch, 1) of the window up to the last sample that is not missing."""
        time = self._architecture.time
        missing = self._add("Cast", self._add("IsNaN", INPUT), to=TensorProto.FLOAT)
        missing = self._add("ReduceMin", missing, axes=[2], keepdims=0)  # (batch, time)
        places = self._add("Mul", self._add("Sub", self._floats(1), missing), self._counted(time))
        last = self._add("ReduceMax", places, axes=[1])
        return self._add("Mul", self._add("Add", last, self._floats(1)), self._floats(1 / time))

    def _stretched(self, x: str, share: str) -> str:
        """The first share of (batch, input, 1, length), each sample held until the next, as long as the whole."""
        architecture = self._architecture
        place = self._add("Floor", self._add("Mul", self._counted(architecture.length), share))
        place = self._add("Unsqueeze", self._add("Cast", place, to=TensorProto.INT32), self._integers(1, 2))
        rows = self._builder.constant(np.zeros((architecture.inputs, 1, 1)), np.int32)
        return self._add("GatherElements", x, self._add("Add", place, rows), axis=3)

    def _statistics(self, x: str, count: int, share: str) -> list[str]:
        """What is told of `count` segments (batch, input * segment * statistics); of one, also correlations."""
        length = self._architecture.length // count
        if count > 1:
            x = self._add("Slice", x, self._integers(0), self._integers(count * length), self._integers(3))
            x = self._add("Reshape", x, self._integers(0, 0, count, length))
        mean = self._over_time("ReduceMean", x)
        away = self._add("Sub", x, mean)
        norm = self._over_time("ReduceL2", away)
        above = self._add("Cast", self._add("Greater", away, self._floats(HYSTERESIS)), to=TensorProto.FLOAT)
        steps = [self._add("Div", self._steps(of, length), share) for of in (x, above)]
        ordered = self._add("TopK", x, self._integers(length), largest=0)
        self._builder.nodes[-1].output.append(f"{ordered}_places")  # that nobody reads, but the operator has it
        places = self._integers(*(quarter * (length - 1) // 4 for quarter in range(5)))
        ordered = self._add("Gather", ordered, places, axis=3)
        told = self._add("Flatten", self._add("Concat", mean, norm, *steps, ordered, axis=3))
        return [told, *(self._correlations(away, norm) if count == 1 else [])]

    def _steps(self, x: str, length: int) -> str:
        """Sum of the sizes of all steps from one sample to the next; a single sample makes none."""
        if length == 1:
            return self._add("Sub", x, x)
        later = self._add("Slice", x, self._integers(1), self._integers(length), self._integers(3))
        sooner = self._add("Slice", x, self._integers(0), self._integers(length - 1), self._integers(3))
        return self._over_time("ReduceL1", self._add("Sub", later, sooner))

    def _correlations(self, away: str, norm: str) -> list[str]:
        """Correlation of inputs that are so far apart, (batch, inputs - neighbour) each."""
        neighbours, inputs = self._architecture.neighbours, self._architecture.inputs
        if not neighbours:
            return []
        scaled = self._add("Div", away, self._add("Add", norm, self._floats(EPSILON)))
        found = []
        for step in neighbours:
            later = self._add("Slice", scaled, self._integers(step), self._integers(inputs), self._integers(1))
            sooner = self._add("Slice", scaled, self._integers(0), self._integers(inputs - step), self._integers(1))
            found.append(self._add("Flatten", self._over_time("ReduceSum", self._add("Mul", later, sooner))))
        return found

    def _over_frames(self, power: str, share: str) -> str:
        """Mean over those frames of (batch, bands, frames) that begin in the first share of the window."""
        fourier = self._architecture.fourier
        assert fourier is not None
        frames = fourier.frames(self._architecture.time)
        counts = self._add("Less", self._counted(frames), self._add("Mul", share, self._floats(frames)))
        counts = self._add("Unsqueeze", self._add("Cast", counts, to=TensorProto.FLOAT), self._integers(1))
        total = self._add("ReduceSum", self._add("Mul", power, counts), self._integers(2), keepdims=0)
        return self._add("Div", total, self._add("ReduceSum", counts, self._integers(2), keepdims=0))

    def _counted(self, n: int) -> str:
        """0, 1, ... n - 1 (n), as a sum of a column and a row, which take less of the file."""
        units = math.isqrt(n - 1) + 1
        tens = self._floats(np.arange(0, n, units).reshape(-1, 1))
        all_of_them = self._add("Reshape", self._add("Add", tens, self._floats(np.arange(units))), self._integers(-1))
        return self._add("Slice", all_of_them, self._integers(0), self._integers(n))

    def _over_time(self, operator: str, x: str) -> str:
        """A sum, mean or norm over time, whose axis stays."""
        if operator == "ReduceSum":
            return self._add(operator, x, self._integers(3))
        return self._add(operator, x, axes=[3])
