"""A compiled model asked through onnxruntime, exactly as a device does: one thread, raw units in, probabilities out."""

import contextlib
import time
from collections.abc import Iterator

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

from factory.artifacts import Float32, Latency
from factory.compiler.graph import INPUT, OUTPUT, SCORE

BATCH_VALUES = 4_000_000  # samples times channels that are handed over at once, unless the caller says how many windows
MOST_WINDOWS = 256
WARM_UP = 50  # calls
CALLS = 500

# Each is a class of its own in onnxruntime, without a common root.
_REFUSALS = (
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NotImplemented,
    state.RuntimeException,
)


class Answerer:
    """One model, loaded once.

    Raises:
        ValueError: these bytes are no model that onnxruntime can load; when asked: no model for windows of this shape.
    """

    def __init__(self, onnx_bytes: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with _said_plainly():
            self._session = onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])

    def __call__(self, X: Float32, batch: int | None = None) -> Float32:
        """Probabilities (n, classes) of windows (n, time, channels), `batch` at a time."""
        return self._output(OUTPUT, X, batch)

    def scores(self, X: Float32, batch: int | None = None) -> Float32:
        """Scores (n) of windows (n, time, channels), by a detector of anomalies."""
        return self._output(SCORE, X, batch)

    def _output(self, name: str, X: Float32, batch: int | None) -> Float32:
        batch = batch or min(max(1, BATCH_VALUES // X[0].size), MOST_WINDOWS)
        with _said_plainly():
            parts = [self._session.run([name], {INPUT: X[at : at + batch]})[0] for at in range(0, len(X), batch)]
        answers: Float32 = np.concatenate(parts).astype(np.float32, copy=False)
        return answers

    def latency(self, X: Float32, calls: int = CALLS) -> Latency:
        """Time of one window, over `calls` calls that go round the windows of X."""
        singles = [{INPUT: X[i : i + 1]} for i in range(min(len(X), calls))]
        times = np.zeros(calls)
        for call in range(-WARM_UP, calls):
            window = singles[call % len(singles)]
            began = time.perf_counter_ns()
            self._session.run([OUTPUT], window)
            times[max(call, 0)] = time.perf_counter_ns() - began
        p50, p95, p99 = (float(value) for value in np.percentile(times / 1000, [50, 95, 99]))
        return Latency(p50, p95, p99)


def answers(onnx_bytes: bytes, X: Float32, batch: int | None = None) -> Float32:
    """Probabilities (n, classes) of windows (n, time, channels)."""
    return Answerer(onnx_bytes)(X, batch)


def latency(onnx_bytes: bytes, X: Float32) -> Latency:
    """Time of one window, batch 1."""
    return Answerer(onnx_bytes).latency(X)


@contextlib.contextmanager
def _said_plainly() -> Iterator[None]:
    """What onnxruntime refuses, as a ValueError of one line."""
    try:
        yield
    except _REFUSALS as error:
        raise ValueError(str(error).splitlines()[0].rpartition(" : ")[2].rstrip(".")) from error
