"""The values that pass between the rooms of the factory. All frozen, none knows how it was made.

Task + Dataset -> (search) -> Trial -> (training) -> Trained -> (compiler) -> Compiled -> (release) -> Evidence
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from factory.architectures import Architecture

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

TRAIN, VALIDATION, TEST = 0, 1, 2
PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
Precision = Literal["fp32", "int8"]
Kind = Literal["classification", "anomaly"]


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
    kind: Kind  # an anomaly task has two classes, first what is normal, and learns from that alone
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
    unlabelled: Float32 = field(default_factory=lambda: np.empty((0, 0, 0), np.float32))
    # (m, time, channels): windows without a class that have nothing in common with the test part

    def only(self, *parts: int) -> "Dataset":
        """The labelled windows of these parts."""
        keep = np.isin(self.part, parts)
        return replace(
            self,
            unlabelled=self.unlabelled[:0],
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


@dataclass(frozen=True, eq=False)
class Trained:
    """An architecture with its weights, as arrays by name.

    The front end of every family: `front.fill` (channels) replaces NaN; `front.centre`, `front.gain` (signals)
    normalise; `front.filters` (signals * filters, 1, 1, kernel) where there is more than one;
    `front.bands.{floor,centre,gain}` (inputs) where there is a spectrum.

    A convolutional network: per block i `blocks.i.depth.weight` where separable, `blocks.i.conv.weight` (out, in, 1,
    kernel) and `blocks.i.norm.{weight,bias,running_mean,running_var}`; of a block with branches, `convs.j.weight`,
    `norms.j.*` and `same.*` below `conv` or `depth`; `norm.*` over the features; `linear.{weight,bias}`.

    Kernels: `kernels.masks`, `kernels.inputs` (dilations, width) are whole numbers: which taps are heavy, and which
    input is read; `kernels.levels` (dilations, width, thresholds) from -128 to 127, on the logarithmic scale that
    `kernels.scale` (start, rate) says, are thresholds; `kernels.padded` (1) is 1 where shares are taken of the samples
    that are there; `linear.weight` (outputs, columns) and `linear.bias`, with one output for two classes.

    Trees: `fourier.{floor,centre,gain}` where there are bands; `features.kept` (kept) are the features that they see;
    of every decision `trees.{feature,threshold,first}` (trees, leaves - 1), see training/flat_tree.py; of every leaf
    `trees.values` (trees, leaves, classes - 1), whole numbers that count `trees.step` each in the logit of a class less
    that of the last one; `trees.prior` (classes) is added. All whole numbers are held as floats.

    A detector of anomalies: `anomaly.{threshold,slope}`; a density `density.{centre,whitening}`; an autoencoder `share`
    (inputs) and, per layer i, `layers.i.{weight,bias}`.
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
    strategy: str = ""  # who proposed it
    effort: float = 1.0  # share of a whole trial's training


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
class Bin:
    """Windows that a model was about equally sure of."""

    windows: int
    confidence: float  # mean probability of the answer
    accuracy: float  # share of right answers


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
    calibration_error: float | None = None  # expected calibration error of the answers
    reliability: tuple[Bin, ...] = ()  # what it was computed from, by rising confidence
