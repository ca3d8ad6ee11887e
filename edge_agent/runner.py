"""The child process that runs a model: the only importer of onnxruntime. Started as `python -m edge_agent.runner`.

Rules
1. It gets the model as bytes over its standard input, never as a path, and has no other input.
2. One thread, no spinning, batch size 1: the answers are those the factory has measured.
3. It may use so much memory beyond what it starts with, and so much processor time for a request; beyond, it dies.
4. It ends when its input ends, and when the agent dies.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnxruntime as ort

from edge_agent import frames
from edge_agent.frames import Broken, Float32, Kind

_PR_SET_PDEATHSIG = 1
_NEWEST_IR, _NEWEST_OPSET = 30, 60  # where the search for what the runtime takes begins
_OLDEST_IR, _OLDEST_OPSET = 8, 13


class Unfit(Exception):  # noqa: N818
    """The model is not what its manifest promises; `reason` as in `protocol.messages.Reason`."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Contract:
    """What the manifest promises: names and sizes of input and output, and the processor time a request may take."""

    input_name: str
    output_name: str
    time: int
    channels: int
    outputs: int
    extra_bytes: int
    cpu_s: int


class Model:
    """One loaded model."""

    def __init__(self, contract: Contract, onnx: bytes) -> None:
        self.contract = contract
        try:
            self._session = ort.InferenceSession(onnx, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:
            raise Unfit("malformed", f"onnxruntime cannot load it: {error}") from error
        _check_signature(self._session, contract)

    def run(self, windows: Float32) -> tuple[frames.Float64, Float32]:
        """Microseconds [n] and answers [n, outputs] to windows [n, time, channels], one by one (rule 2)."""
        contract = self.contract
        took = np.empty(len(windows), "<f8")
        answers = np.empty((len(windows), contract.outputs), "<f4")
        for i in range(len(windows)):
            begun = time.perf_counter_ns()
            (answer,) = self._session.run([contract.output_name], {contract.input_name: windows[i : i + 1]})
            took[i] = (time.perf_counter_ns() - begun) / 1e3
            if answer.size != contract.outputs:
                raise Unfit("malformed", f"an answer of shape {answer.shape} where {contract.outputs} numbers belong")
            answers[i] = answer.reshape(-1)
        return took, answers


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more (rule 4)."""
    answers.write(frames.pack(Kind.HELLO, frames.pack_json(facts())))
    answers.flush()
    model: Model | None = None
    while (request := frames.read(requests)) is not None:
        kind, body = request
        try:
            if kind is Kind.LOAD:
                model = load(body)
                answer = frames.pack(Kind.READY)
            else:
                answer = frames.pack(Kind.ANSWERS, *run(model, kind, body))
        except Unfit as error:
            answer = _error(error.reason, str(error))
        except Exception as error:  # noqa: BLE001  (a process edge: whatever a model does to the library is its failure)
            answer = _error("runner_failed", f"{type(error).__name__}: {error}")
        answers.write(answer)
        answers.flush()


def load(body: bytes) -> Model:
    """The model of a LOAD frame, inside its limits (rule 3)."""
    head, _, onnx = body.partition(b"\n")
    contract = Contract(**json.loads(head))
    _limit_memory(contract.extra_bytes)
    _limit_cpu(contract.cpu_s)
    return Model(contract, onnx)


def run(model: Model | None, kind: Kind, body: bytes) -> tuple[bytes, bytes]:
    """The parts of an ANSWERS frame."""
    if model is None or kind is not Kind.RUN:
        raise Broken(f"{kind.name} is no request now")
    _limit_cpu(model.contract.cpu_s)
    took, answers = model.run(frames.unpack_windows(body, model.contract.time, model.contract.channels))
    return took.tobytes(), answers.tobytes()


def facts() -> dict[str, Any]:
    """What this runtime takes, found by trying: it says so nowhere."""
    return {
        "onnxruntime": ort.__version__,
        "max_ir": next(ir for ir in range(_NEWEST_IR, 0, -1) if ir == _OLDEST_IR or _loads(ir, _OLDEST_OPSET)),
        "max_opset": next(n for n in range(_NEWEST_OPSET, 0, -1) if n == _OLDEST_OPSET or _loads(_OLDEST_IR, n)),
    }


def _loads(ir: int, opset: int) -> bool:
    """Whether a model of one Identity node is taken. Its bytes are written out here: ModelProto of onnx.proto3."""

    def message(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def value(name: bytes) -> bytes:
        return message(1, name) + message(2, bytes([0x0A, 0x02, 0x08, 0x01]))  # a float

    node = message(1, b"a") + message(2, b"b") + message(4, b"Identity")
    graph = message(1, node) + message(2, b"g") + message(11, value(b"a")) + message(12, value(b"b"))
    onnx = bytes([0x08, ir]) + message(7, graph) + message(8, bytes([0x10, opset]))
    try:
        ort.InferenceSession(onnx, _options(), providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001  (the library raises a family of its own; each of them means no)
        return False
    return True


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it has to say comes as an error
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _check_signature(session: ort.InferenceSession, contract: Contract) -> None:
    inputs = [(one.name, one.type, one.shape) for one in session.get_inputs()]
    outputs = {one.name: one.type for one in session.get_outputs()}
    if len(inputs) != 1 or inputs[0][:2] != (contract.input_name, "tensor(float)"):
        raise Unfit("malformed", f"the input must be {contract.input_name}, float32; it is {inputs}")
    shape = inputs[0][2]
    wanted = (1, contract.time, contract.channels)
    fits = len(shape) == len(wanted) and all(
        not isinstance(dim, int) or dim == want for dim, want in zip(shape, wanted, strict=True)
    )
    if not fits:
        raise Unfit("malformed", f"the input must be [batch, {contract.time}, {contract.channels}]; it is {shape}")
    if outputs.get(contract.output_name) != "tensor(float)":
        raise Unfit("malformed", f"the output must be {contract.output_name}, float32; there is {outputs}")


def _limit_memory(extra_bytes: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + extra_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _limit_cpu(cpu_s: int) -> None:
    limit = int(time.process_time()) + 1 + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _error(reason: str, text: str) -> bytes:
    return frames.pack(Kind.ERROR, frames.pack_json({"reason": reason, "text": text[:400]}))


def _die_with(parent: int) -> None:
    """Rule 4, also in the middle of a request."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the agent is gone")


def main() -> None:
    """Serve standard input; the agent's process id is the argument."""
    _die_with(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the agent ends us
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the frames
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
