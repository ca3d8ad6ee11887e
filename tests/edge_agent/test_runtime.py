"""The child process, with the real onnxruntime: what it accepts, what it survives."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace as change
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from edge_agent import runtime
from edge_agent.config import Limits
from edge_agent.errors import Refused, RunnerFailed
from edge_agent.runtime import Runtime
from protocol.messages import Reason
from tests.support import tiny_model
from tests.support.stream import CHANNELS
from tests.support.tiny_model import WINDOW, Tiny, changed, graph, manifest_for, padded_by_input, tiny

LIMITS = Limits(run_timeout_s=5.0)
WINDOWS = np.random.default_rng(0).normal(0, 1, (300, WINDOW, 3)).astype(np.float32)


def with_runtime(model: Tiny, use: Callable[[Runtime], Coroutine[Any, Any, Any]], limits: Limits = LIMITS) -> Any:
    """Start a runtime, use it, stop it."""

    async def run() -> Any:
        made = Runtime(model.manifest, model.onnx, limits)
        await made.start()
        try:
            return await use(made)
        finally:
            await made.stop()

    return asyncio.run(run())


async def answer(made: Runtime) -> Any:
    return await made.run(WINDOWS)


def test_answers_are_those_of_onnxruntime_with_batch_size_one() -> None:
    model = tiny()
    took, answers = with_runtime(model, answer)
    session = ort.InferenceSession(model.onnx, providers=["CPUExecutionProvider"])
    expected = np.concatenate([session.run(None, {"window": one[None]})[0] for one in WINDOWS])
    np.testing.assert_array_equal(answers, expected)
    assert took.shape == (len(WINDOWS),)
    assert (took > 0).all()


def test_more_windows_than_a_frame_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "BATCH_BYTES", 7 * WINDOWS[0].nbytes)
    assert with_runtime(tiny(), answer)[1].shape == (len(WINDOWS), 3)


def test_the_runtime_says_what_it_takes() -> None:
    facts = asyncio.run(runtime.probe())
    assert facts.onnxruntime == ort.__version__
    assert facts.max_opset >= 17
    assert facts.max_ir >= 9
    newest = changed(lambda model: setattr(model, "ir_version", facts.max_ir))
    ort.InferenceSession(newest, providers=["CPUExecutionProvider"])
    too_new = changed(lambda model: setattr(model, "ir_version", facts.max_ir + 1))
    with pytest.raises(Exception, match="IR version"):
        ort.InferenceSession(too_new, providers=["CPUExecutionProvider"])


def renamed(what: str) -> bytes:
    def rename(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = ["other" if name == what else name for name in names]
        for info in (*model.graph.input, *model.graph.output):
            info.name = "other" if info.name == what else info.name

    return changed(rename)


def longer(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = WINDOW + 1


def with_two_classes() -> Tiny:
    return Tiny(tiny(classes=("a", "b")).onnx, tiny().manifest)


def false_answers() -> Tiny:
    return Tiny(graph(), manifest_for(graph(), answers=np.eye(4, 3)))


UNFIT = {
    "not an ONNX file": (lambda: Tiny(b"nonsense", tiny().manifest), Reason.MALFORMED),
    "an input of another name": (lambda: Tiny(renamed("window"), tiny().manifest), Reason.MALFORMED),
    "an output of another name": (lambda: Tiny(renamed("probabilities"), tiny().manifest), Reason.MALFORMED),
    "windows of another length": (lambda: Tiny(changed(longer), tiny().manifest), Reason.MALFORMED),
    "another number of classes": (with_two_classes, Reason.MALFORMED),
    "answers other than the golden ones": (false_answers, Reason.GOLDEN_MISMATCH),
    "weights that are no numbers": (
        lambda: Tiny(changed(tiny_model.with_nan_weights), tiny().manifest),
        Reason.GOLDEN_MISMATCH,
    ),
    "data outside the file": (lambda: Tiny(changed(tiny_model.add_external_data), tiny().manifest), Reason.MALFORMED),
}


@pytest.mark.parametrize(("make", "reason"), UNFIT.values(), ids=UNFIT)
def test_unfit(make: Callable[[], Tiny], reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        with_runtime(make(), answer)
    assert refused.value.reason == reason


def test_too_slow() -> None:
    with pytest.raises(Refused) as refused:
        with_runtime(tiny(), answer, change(LIMITS, max_latency_us=0.001))
    assert refused.value.reason == Reason.TOO_SLOW


def test_a_model_that_wants_too_much_memory_fails_alone_and_starts_again() -> None:
    hungry = WINDOWS[:1] + 1000

    async def use(made: Runtime) -> Any:
        with pytest.raises(RunnerFailed):
            await made.run(hungry)
        assert made.pid is None
        with pytest.raises(RunnerFailed, match="not running"):
            await made.run(WINDOWS)
        await made.start()
        return await made.run(WINDOWS)

    assert with_runtime(padded_by_input(), use)[1].shape == (300, 3)


def test_a_killed_process_is_told_and_can_be_started_again() -> None:
    async def use(made: Runtime) -> Any:
        assert made.pid is not None
        os.kill(made.pid, signal.SIGKILL)
        with pytest.raises(RunnerFailed, match="signal 9"):
            await made.run(WINDOWS)
        await made.start()
        return await made.run(WINDOWS)

    assert with_runtime(tiny(), use)[1].shape == (300, 3)


def test_a_process_that_hangs_is_killed() -> None:
    async def use(made: Runtime) -> None:
        pid = made.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(RunnerFailed, match=r"did not answer in 0\.5 s"):
            await made.run(WINDOWS)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    with_runtime(tiny(), use, change(LIMITS, run_timeout_s=0.5))


def test_a_caller_that_gives_up_leaves_no_answer_behind_for_the_next() -> None:
    async def use(made: Runtime) -> None:
        task = asyncio.create_task(made.run(WINDOWS))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert made.pid is None

    with_runtime(tiny(), use)


def test_the_tiny_model_has_the_channels_of_the_stream() -> None:
    assert tiny().manifest.channels == CHANNELS
