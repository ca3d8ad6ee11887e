"""The agent's handle on the child process that runs a model.

Rules
1. A model counts as running when the child has loaded it, has reproduced the manifest's golden vectors to within
   their tolerance, and was fast enough in the middle (median) of at least `MIN_TIMINGS` runs.
2. A child that does not answer in time is killed. A crash costs a restart, never the agent.
"""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_agent import frames
from edge_agent.config import Limits
from edge_agent.errors import Refused, RunnerFailed
from edge_agent.frames import Broken, Float32, Float64, Kind
from protocol.manifest import INPUT_NAME, OUTPUT_NAMES, Manifest, golden_vectors
from protocol.messages import Reason

MIN_TIMINGS = 20
BATCH_BYTES = 1024 * 1024  # of windows in one frame


@dataclass(frozen=True)
class Facts:
    """What the installed runtime is and takes."""

    onnxruntime: str
    max_ir: int
    max_opset: int


class Runtime:
    """One release's model in a child process, started again when it has died."""

    def __init__(self, manifest: Manifest, onnx: bytes, limits: Limits) -> None:
        self.manifest = manifest
        self._onnx = onnx
        self._limits = limits
        self._outputs = len(manifest.answered) or 1
        self._process: Process | None = None
        self._busy = asyncio.Lock()

    async def start(self) -> None:
        """Start a child and put it to the test (rule 1).

        Raises:
            Refused: the model is not what its manifest promises.
            RunnerFailed: the child crashed or hung.
        """
        try:
            await self._load()
            await self._self_test()
        except BaseException:
            await self.stop()
            raise

    async def run(self, windows: Float32) -> tuple[Float64, Float32]:
        """Microseconds [n] and answers [n, outputs] to windows [n, time, channels].

        Raises:
            RunnerFailed: the child crashed, hung or answered nonsense; it is gone (rule 2).
        """
        size = max(1, BATCH_BYTES // windows[0].nbytes)
        parts = [await self._run(windows[at : at + size]) for at in range(0, len(windows), size)]
        return np.concatenate([took for took, _ in parts]), np.concatenate([answers for _, answers in parts])

    async def stop(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    @property
    def pid(self) -> int | None:
        """The child's process id, where there is one."""
        return None if self._process is None else self._process.pid

    async def _load(self) -> None:
        manifest, limits = self.manifest, self._limits
        contract = {
            "input_name": INPUT_NAME,
            "output_name": OUTPUT_NAMES[manifest.task],
            "time": manifest.window,
            "channels": len(manifest.channels),
            "outputs": self._outputs,
            "extra_bytes": limits.runner_extra_bytes,
            "cpu_s": limits.runner_cpu_s,
        }
        async with _guarded(self, limits.start_timeout_s):
            self._process, _ = await _spawn()
            await _ask(self._process, Kind.READY, frames.pack(Kind.LOAD, frames.pack_json(contract), b"\n", self._onnx))

    async def _self_test(self) -> None:
        windows, expected = golden_vectors(self.manifest)
        took, answers = await self.run(windows)
        difference = float(np.max(np.abs(answers - expected)))
        if not difference <= self.manifest.golden.tolerance:  # NaN is not
            raise Refused(
                Reason.GOLDEN_MISMATCH,
                f"off by {difference:.3g} on the golden vectors, {self.manifest.golden.tolerance:.3g} are allowed",
            )
        timings = list(took[1:])  # the first run of a session is slower than any after it
        while len(timings) < MIN_TIMINGS:
            timings += list((await self.run(windows[: MIN_TIMINGS - len(timings)]))[0])
        if (median := float(np.median(timings))) > self._limits.max_latency_us:
            text = f"{median:.0f} us a window, {self._limits.max_latency_us:.0f} are allowed here"
            raise Refused(Reason.TOO_SLOW, text)

    async def _run(self, windows: Float32) -> tuple[Float64, Float32]:
        async with self._busy, _guarded(self, self._limits.run_timeout_s):
            if self._process is None:
                raise RunnerFailed("the model is not running")
            request = frames.pack(Kind.RUN, np.ascontiguousarray(windows, "<f4").tobytes())
            body = await _ask(self._process, Kind.ANSWERS, request)
            return frames.unpack_answers(body, len(windows), self._outputs)


async def probe(timeout_s: float = 60.0) -> Facts:
    """What the installed runtime takes. In a child: on some processors its import dies of an illegal instruction.

    Raises:
        RunnerFailed: it cannot be used here.
    """
    try:
        async with asyncio.timeout(timeout_s):
            process, facts = await _spawn()
    except TimeoutError as error:
        raise RunnerFailed(f"onnxruntime was not ready in {timeout_s:.0f} s") from error
    process.kill()
    await process.wait()
    return facts


@contextlib.asynccontextmanager
async def _guarded(runtime: Runtime, timeout_s: float) -> AsyncIterator[None]:
    """Rule 2: whatever goes wrong with the child inside, or takes longer, ends the child."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        await runtime.stop()
        raise RunnerFailed(f"the model did not answer in {timeout_s:g} s") from error
    except Broken as error:
        await runtime.stop()
        raise RunnerFailed(f"the model's process answered nonsense: {error}") from error
    except RunnerFailed:
        await runtime.stop()
        raise
    except asyncio.CancelledError:
        await runtime.stop()  # an answer that nobody reads would be taken for the next one's
        raise


async def _spawn() -> tuple[Process, Facts]:
    """A child that has said hello."""
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command: Sequence[str] = [sys.executable, "-m", "edge_agent.runner", str(os.getpid())]
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=env)
    try:
        return process, Facts(**json.loads(await _expect(process, Kind.HELLO)))
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise


async def _ask(process: Process, expected: Kind, request: bytes) -> bytes:
    """The child's answer to one request."""
    assert process.stdin is not None
    try:
        process.stdin.write(request)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError) as error:
        raise RunnerFailed(await _obituary(process)) from error
    return await _expect(process, expected)


async def _expect(process: Process, expected: Kind) -> bytes:
    """The body of the next frame, which must be of this kind."""
    kind, body = await _receive(process)
    if kind is Kind.ERROR:
        said = json.loads(body)
        if said["reason"] == Reason.RUNNER_FAILED:
            raise RunnerFailed(str(said["text"]))
        raise Refused(said["reason"], str(said["text"]))
    if kind is not expected:
        raise RunnerFailed(f"{kind.name} came where {expected.name} belongs")
    return body


async def _receive(process: Process) -> tuple[Kind, bytes]:
    assert process.stdout is not None
    try:
        length, kind = frames.head(await process.stdout.readexactly(frames.HEAD.size))
        return kind, await process.stdout.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise RunnerFailed(await _obituary(process)) from error
    except Broken as error:
        raise RunnerFailed(f"the child answered nonsense: {error}") from error


async def _obituary(process: Process) -> str:
    """How a child ended that closed its pipes."""
    status = await process.wait()
    return (
        f"the model's process ended by signal {-status}"
        if status < 0
        else f"the model's process ended with status {status}"
    )
