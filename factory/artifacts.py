"""The values that pass between the rooms of the factory. All frozen, none knows how it was made.

Task + Dataset -> (search) -> Trial -> (training) -> Trained -> (compiler) -> Compiled -> (release) -> Evidence
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

TRAIN, VALIDATION, TEST = 0, 1, 2
PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
Precision = Literal["fp32", "int8"]
LEAST_CLASSES = 2


@dataclass(frozen=True)
class Split:
    """How windows are divided into train, validation and test: never at random across windows of one recording."""

    by: Literal["given", "group", "time"] = "group"
    test_share: float = 0.3
    validation_share: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """What a model is for: from these channels at this rate, every `hop` samples, which of `classes` is it?"""

    name: str
    kind: Literal["classification"]
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    units: tuple[str, ...]
    rate_hz: float
    window: int  # samples
    hop: int  # samples
    split: Split = field(default_factory=Split)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled windows in raw units, with every window's part, group and place in its recording."""

    task: Task
    X: Float32  # (n, time, channels), NaN where missing
    y: Int64  # (n,), index into task.classes
    part: npt.NDArray[np.int8]  # (n,), one of PARTS' values
    group: npt.NDArray[np.str_]  # (n,), subject, device or other unit that must not straddle two parts
    recording: npt.NDArray[np.str_]  # (n,), name of the recording a window was cut from
    start: Int64  # (n,), first sample of the window in that recording
    digest: str  # SHA-256 of data, task and split: equal digests mean equal windows in equal parts

    def only(self, part: int) -> "Dataset":
        """The windows of one part."""
        keep = self.part == part
        return replace(
            self,
            X=self.X[keep],
            y=self.y[keep],
            part=self.part[keep],
            group=self.group[keep],
            recording=self.recording[keep],
            start=self.start[keep],
        )


@dataclass(frozen=True)
class Recording:
    """One uninterrupted stretch of sensor data: what a device would see."""

    name: str
    group: str
    samples: Float32  # (time, channels), raw units, NaN where missing
    labels: Int64  # (time,), index into task.classes, -1 where unlabelled


@dataclass(frozen=True)
class Budget:
    """What the device can afford, and what the search may spend. None: no limit."""

    max_kb: float | None = None  # size of the ONNX file, kB of 1000 bytes
    max_macs: int | None = None  # multiply-accumulates a window
    minutes: float = 10.0  # wall time of the search
    max_trials: int | None = None


@dataclass(frozen=True)
class FrontEnd:
    """Fixed channels derived from the raw ones inside the graph, before anything is learned."""

    magnitudes: bool = False  # the length of every 3-axis triple: what remains when the device is turned
    differences: bool = False  # x[t] - x[t-1]
    smoothing: int = 0  # samples of a moving average that splits slow from fast; odd, 0: no split

    def __post_init__(self) -> None:
        if self.smoothing < 0 or (self.smoothing and self.smoothing % 2 == 0):
            raise ValueError(f"front.smoothing is {self.smoothing}; it must be 0 or odd")

    @property
    def filters(self) -> int:
        """Fixed filters applied to every channel: 1 means the channel itself, without a convolution."""
        return (2 if self.smoothing else 1) + self.differences


@dataclass(frozen=True)
class Block:
    """A convolution over time with batch norm and ReLU; zero padding, so that only the stride shortens."""

    width: int  # output channels
    kernel: int  # samples, odd
    stride: int = 1
    separable: bool = False  # depthwise, then pointwise, in place of one plain convolution
    residual: bool = True  # add the input before the ReLU where shapes allow

    def __post_init__(self) -> None:
        if self.width < 1 or self.stride < 1 or self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"{self}: width and stride are at least 1, the kernel is odd")


@dataclass(frozen=True)
class Head:
    """From the last block to class probabilities: average and maximum over time, then one linear layer."""

    deviation: bool = False  # also the standard deviation over time
    statistics: bool = True  # also mean, deviation, minimum and maximum of every normalised input channel
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"head.dropout is {self.dropout}; it is a share below 1")


@dataclass(frozen=True)
class Stage:
    """A block at its place in an architecture."""

    block: Block
    inputs: int  # channels
    length_in: int  # samples
    length_out: int
    residual: bool  # whether shapes allow the block's residual


@dataclass(frozen=True)
class Architecture:
    """A point of the search space: a network from raw windows [time, channels] to `classes` probabilities."""

    time: int
    channels: int
    classes: int
    triples: tuple[tuple[int, int, int], ...]  # channels that are the x, y and z of one sensor
    front: FrontEnd
    blocks: tuple[Block, ...]
    head: Head

    def __post_init__(self) -> None:
        if self.time < 1 or self.channels < 1 or self.classes < LEAST_CLASSES or not self.blocks:
            raise ValueError("an architecture has samples, channels, two classes and a block at least")
        if any(not 0 <= channel < self.channels for triple in self.triples for channel in triple):
            raise ValueError(f"triples {self.triples} name channels beyond {self.channels}")

    @property
    def signals(self) -> int:
        """Normalised channels: the raw ones and the magnitudes."""
        return self.channels + (len(self.triples) if self.front.magnitudes else 0)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Every block with the shapes around it."""
        stages: list[Stage] = []
        inputs, length = self.signals * self.front.filters, self.time
        for block in self.blocks:
            after = -(-length // block.stride)
            same = block.residual and block.width == inputs and block.stride == 1
            stages.append(Stage(block, inputs, length, after, same))
            inputs, length = block.width, after
        return tuple(stages)

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        pooled = self.blocks[-1].width * (3 if self.head.deviation else 2)
        return pooled + (4 * self.signals if self.head.statistics else 0)


@dataclass(frozen=True, eq=False)
class Trained:
    """An architecture with its weights, as float32 arrays by name:

    `fill` (channels) replaces NaN; `centre`, `gain` (signals) normalise; `filters` (signals * filters, 1, 1, kernel)
    where the front end has more than one; per block i `blocks.i.depth.weight` where separable, `blocks.i.conv.weight`
    (out, in, 1, kernel) and `blocks.i.norm.{weight,bias,running_mean,running_var}`; `norm.*` over the features;
    `linear.{weight,bias}`.
    """

    architecture: Architecture
    weights: Mapping[str, Float32]
    epochs: int
    seed: int
    seconds: float


@dataclass(frozen=True)
class Footprint:
    """What a model costs on the device."""

    macs: int
    parameters: int
    peak_activation_bytes: int
    file_bytes: int


@dataclass(frozen=True)
class Parity:
    """How far a compiled model is from the trained network, on real windows."""

    windows: int
    max_difference: float  # of any probability
    agreement: float  # share of windows with the same top-1 class


@dataclass(frozen=True)
class Compiled:
    """One self-contained ONNX graph: raw units in, probabilities out."""

    onnx: bytes
    precision: Precision
    footprint: Footprint
    operators: tuple[str, ...]
    opset: int
    ir: int
    parity: Parity


@dataclass(frozen=True)
class Latency:
    """Microseconds of one window through onnxruntime: batch 1, one thread."""

    p50_us: float
    p95_us: float
    p99_us: float


@dataclass(frozen=True)
class Trial:
    """One evaluated point of the search space, as the registry keeps it."""

    number: int
    architecture: Mapping[str, object]
    precision: Precision
    validation_accuracy: float
    validation_macro_f1: float
    footprint: Footprint
    epochs: int
    seconds: float
    fits: bool  # within the budget


@dataclass(frozen=True)
class Variant:
    """One precision of the chosen model, scored on the validation part through onnxruntime."""

    compiled: Compiled
    validation_accuracy: float
    validation_macro_f1: float
    latency: Latency
    fits: bool  # within the budget


@dataclass(frozen=True)
class Candidate:
    """What a search has brought: the model to examine, what it was chosen from, and why."""

    architecture: Architecture
    compiled: Compiled
    variants: tuple[Variant, ...]
    trials: tuple[Trial, ...]
    selected: int  # number of the trial that found the architecture
    seconds: float
    why: str


@dataclass(frozen=True)
class Evidence:
    """What an examination of a compiled model on one part of the data has shown."""

    part: str
    windows: int
    accuracy: float
    macro_f1: float
    accuracy_low: float  # Wilson interval, 95 %
    accuracy_high: float
    confusion: tuple[tuple[int, ...], ...]  # [label][prediction]
    accuracy_by_group: Mapping[str, float]
    latency: Latency
