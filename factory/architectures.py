"""The points of the search space: what a model is made of, before anything is learned. All frozen, none knows how it is
trained or compiled.

Three families share a front end (fixed channels derived from the raw ones) and end in class probabilities: `Convnet`,
convolutions that are learned; `Kernels`, convolutions that are not; `Trees` on features of the window.
"""

from dataclasses import dataclass

LEAST_CLASSES = 2
KERNEL, KERNEL_SHAPES = 9, 84  # taps of an unlearned kernel, and ways to weigh three of them by 2, the others by -1
MOST_THRESHOLDS = 64  # of an unlearned kernel
LEAST_LEAVES, MOST_LEAVES = 2, 256  # of a tree: the number of a leaf takes a byte
SPARE_DEPTH = 3  # decisions beyond those of a balanced tree
FRAME_A_BAND = 4  # samples of a frame for each of its bands
STATISTICS = 9  # of a segment
MOST_KEPT = 256  # features that trees choose from: the number of one takes a byte
LEAST_BANDS = 2

Triples = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Spectrum:
    """Log power in frequency bands of short frames: what a microphone or a machine's vibration is told by.

    Frequencies are whole cycles a frame, from 1 to half of its samples; bands are triangles over them that overlap by
    half. A frame's mean is taken off before.
    """

    frame: int  # samples, under a Hann window
    hop: int  # samples from one frame to the next
    bands: int
    mel: bool = False  # bands widen with frequency, as hearing does; else all are equally wide
    level: bool = False  # power as a share of the window's: loudness, and the distance to its source, do not count

    def __post_init__(self) -> None:
        if not 1 <= self.hop <= self.frame:
            raise ValueError(f"{self}: a hop is a sample at least, and a frame at most")
        if not LEAST_BANDS <= self.bands <= most_bands(self.frame, self.mel):
            raise ValueError(f"{self}: there are {LEAST_BANDS} to {most_bands(self.frame, self.mel)} bands")

    @property
    def frequencies(self) -> int:
        """Frequencies that power is measured at."""
        return self.frame // 2

    def frames(self, time: int) -> int:
        """Whole frames in a window of `time` samples."""
        return 1 + (time - self.frame) // self.hop


def most_bands(frame: int, mel: bool) -> int:
    """So many that each still has a frequency of its own."""
    return frame // 4 if mel else frame // 2


@dataclass(frozen=True)
class FrontEnd:
    """Fixed channels derived from the raw ones inside the graph, before anything is learned."""

    magnitudes: bool = False  # the length of every 3-axis triple: what remains when the device is turned
    differences: bool = False  # x[t] - x[t-1]
    smoothing: int = 0  # samples of a moving average that splits slow from fast; odd, 0: no split
    spectrum: Spectrum | None = None  # in place of the signals themselves

    def __post_init__(self) -> None:
        if self.smoothing < 0 or (self.smoothing and self.smoothing % 2 == 0):
            raise ValueError(f"front.smoothing is {self.smoothing}; it must be 0 or odd")
        if self.spectrum is not None and self.filters > 1:
            raise ValueError("a spectrum takes the place of differences and smoothing")

    @property
    def filters(self) -> int:
        """Fixed filters applied to every channel: 1 means the channel itself, without a convolution."""
        return (2 if self.smoothing else 1) + self.differences


@dataclass(frozen=True)
class Design:
    """What every family has: the windows it takes, the classes it tells apart, and what is derived first."""

    time: int  # samples a window
    channels: int
    classes: int
    triples: Triples  # channels that are the x, y and z of one sensor
    front: FrontEnd

    def __post_init__(self) -> None:
        if self.time < 1 or self.channels < 1 or self.classes < LEAST_CLASSES:
            raise ValueError("an architecture has samples, channels and two classes at least")
        if any(not 0 <= channel < self.channels for triple in self.triples for channel in triple):
            raise ValueError(f"triples {self.triples} name channels beyond {self.channels}")
        if self.front.spectrum is not None and self.front.spectrum.frame > self.time:
            raise ValueError(f"a frame of {self.front.spectrum.frame} samples does not fit a window of {self.time}")

    @property
    def signals(self) -> int:
        """Normalised channels: the raw ones and the magnitudes."""
        return self.channels + (len(self.triples) if self.front.magnitudes else 0)

    @property
    def inputs(self) -> int:
        """Channels that come out of the front end."""
        spectrum = self.front.spectrum
        return self.signals * (self.front.filters if spectrum is None else spectrum.bands)

    @property
    def length(self) -> int:
        """Samples, or frames, that come out of the front end."""
        spectrum = self.front.spectrum
        return self.time if spectrum is None else spectrum.frames(self.time)


@dataclass(frozen=True)
class Block:
    """A convolution over time with batch norm and ReLU; zero padding, so that only the stride shortens."""

    width: int  # output channels
    kernel: int  # samples, odd
    stride: int = 1
    separable: bool = False  # depthwise, then pointwise, in place of one plain convolution
    residual: bool = True  # add the input before the ReLU where shapes allow
    dilation: int = 1  # samples from one tap of the kernel to the next
    branches: bool = False  # trained as a sum of kernels of several lengths, folded into one

    def __post_init__(self) -> None:
        if min(self.width, self.stride, self.kernel, self.dilation) < 1 or self.kernel % 2 == 0:
            raise ValueError(f"{self}: width, stride and dilation are at least 1, the kernel is odd")


@dataclass(frozen=True)
class Head:
    """From the last block to class probabilities: average and maximum over time, then one linear layer."""

    deviation: bool = False  # also the standard deviation over time
    # also mean, deviation, minimum, maximum, and log power of every signal or band and of its differences
    statistics: bool = True
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
class Convnet(Design):
    """Learned convolutions over time, pooled, then one linear layer."""

    blocks: tuple[Block, ...]
    head: Head

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.blocks:
            raise ValueError("a convolutional network has one block at least")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Every block with the shapes around it."""
        stages: list[Stage] = []
        inputs, length = self.inputs, self.length
        for block in self.blocks:
            after = -(-length // block.stride)
            same = block.residual and block.width == inputs and block.stride == 1
            stages.append(Stage(block, inputs, length, after, same))
            inputs, length = block.width, after
        return tuple(stages)

    @property
    def statistics(self) -> int:
        """Statistics of all signals, or of their bands, that go to the linear layer. One sample has no differences."""
        if not self.head.statistics:
            return 0
        return (self.signals if self.front.spectrum is None else self.inputs) * (6 if self.length > 1 else 5)

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        return self.blocks[-1].width * (3 if self.head.deviation else 2) + self.statistics


@dataclass(frozen=True)
class Kernels(Design):
    """Convolutions that are not learned, each pooled into shares of samples above thresholds, and one linear layer.

    Dempster et al., "MiniRocket", 2021. Which kernels stay is chosen as in Uribarri et al., "Detach-ROCKET", 2024.
    """

    features: int  # shares that the linear layer reads, about
    dilations: int  # distinct ones at most, spread exponentially up to an eighth of the window
    thresholds: int = 12  # a kernel
    segments: int = 1  # equally long, that the window is cut into for those shares
    stride: int = 1  # samples from one position of a kernel to the next
    statistics: bool = True  # also mean, deviation, minimum and maximum of every signal, or of its bands
    relative: bool = False  # kernels see every window in its own deviations: its shape, not how strong it is

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.features, self.dilations, self.thresholds, self.segments, self.stride) < 1:
            raise ValueError(f"{self}: features, dilations, thresholds, segments and stride are at least 1")
        if self.thresholds > MOST_THRESHOLDS:
            raise ValueError(f"{self.thresholds} thresholds a kernel; there are {MOST_THRESHOLDS} at most")
        if self.segments > self.positions:
            raise ValueError(f"{self.segments} segments of {self.positions} positions")

    @property
    def steps(self) -> tuple[int, ...]:
        """The dilations, in samples."""
        widest = max(1.0, (self.length - 1) / (KERNEL - 1))
        exponents = [i / max(1, self.dilations - 1) for i in range(self.dilations)]
        return tuple(sorted({int(widest**exponent) for exponent in exponents}))

    @property
    def width(self) -> int:
        """Kernels a dilation, each on one input: every shape on every input, at most."""
        wanted = self.features // (len(self.steps) * self.thresholds * self.segments)
        return min(max(1, wanted), KERNEL_SHAPES * self.inputs)

    @property
    def positions(self) -> int:
        """Where in a window a kernel is evaluated."""
        return -(-self.length // self.stride)

    @property
    def shares(self) -> int:
        """Shares above thresholds that the linear layer reads."""
        return len(self.steps) * self.width * self.thresholds * self.segments

    @property
    def columns(self) -> int:
        """Inputs of the linear layer."""
        return self.shares + (4 * self.statistics_of if self.statistics else 0)

    @property
    def statistics_of(self) -> int:
        """Channels whose statistics can be taken."""
        return self.signals if self.front.spectrum is None else self.inputs

    @property
    def outputs(self) -> int:
        """Of the linear layer: one for two classes."""
        return 1 if self.classes == LEAST_CLASSES else self.classes


@dataclass(frozen=True)
class Trees(Design):
    """Boosted decision trees on features of the window: statistics of its segments and power in frequency bands."""

    trees: int
    leaves: int  # of a tree
    segments: int = 1  # that the window is cut into for statistics, beside the whole
    bands: int = 0  # equally wide frequency bands of every signal; 0: none

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trees < 1 or not LEAST_LEAVES <= self.leaves <= MOST_LEAVES:
            raise ValueError(f"{self.trees} trees of {self.leaves} leaves: 1 of {LEAST_LEAVES} to {MOST_LEAVES} leaves")
        if self.segments < 1 or self.bands < 0:
            raise ValueError("a window has 1 segment and 0 bands at least")

    @property
    def depth(self) -> int:
        """Decisions from a root to a leaf, at most: what a balanced tree needs, and some."""
        return (self.leaves - 1).bit_length() + SPARE_DEPTH

    @property
    def nodes(self) -> int:
        """Decisions of all trees."""
        return self.trees * (self.leaves - 1)

    @property
    def cuts(self) -> tuple[int, ...]:
        """Into how many parts of at least two samples the window is cut, each time."""
        segments = min(self.segments, self.length // 2)
        return (1, segments) if segments > 1 else (1,)

    @property
    def fourier(self) -> Spectrum | None:
        """How power in bands is measured; None: it is not, or the front end has done so."""
        frame = min(self.time, FRAME_A_BAND * self.bands)
        bands = min(self.bands, most_bands(frame, mel=False))
        return None if self.front.spectrum is not None or bands < LEAST_BANDS else Spectrum(frame, frame, bands)

    @property
    def neighbours(self) -> tuple[int, ...]:
        """How far apart inputs are whose correlation is a feature: within 3 axes, all pairs; none of bands."""
        return () if self.front.spectrum is not None else tuple(away for away in (1, 2) if away < self.inputs)

    @property
    def features(self) -> int:
        """Features of a window that the trees may choose from."""
        statistics = STATISTICS * self.inputs * sum(self.cuts)
        correlations = sum(self.inputs - away for away in self.neighbours)
        return 1 + statistics + correlations + (0 if self.fourier is None else self.fourier.bands * self.signals)

    @property
    def kept(self) -> int:
        """Features that the trees do choose from."""
        return min(self.features, MOST_KEPT)


@dataclass(frozen=True)
class Density(Design):
    """How far a window's features are from those of normal windows, by their covariance (Hotelling, 1947).

    Features are the mean over time of every track and the logarithm of its deviation.
    """

    level: bool = True  # whether the mean is a feature
    spread: bool = True  # whether the deviation is
    middles: int = 1  # states that are normal, each with a middle of its own; what scatters around them is one

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.level or self.spread):
            raise ValueError("a density has the mean or the deviation for a feature")
        if self.middles < 1:
            raise ValueError("a density has a middle")

    @property
    def tracks(self) -> int:
        """Channels that features are taken of: signals, or bands of them."""
        return self.signals if self.front.spectrum is None else self.inputs

    @property
    def features(self) -> int:
        """Numbers that a window is judged by."""
        return self.tracks * (self.level + self.spread)


@dataclass(frozen=True)
class Layer:
    """A convolution of an autoencoder: half as long and rectified on the way in, twice as long on the way out."""

    inputs: int  # channels
    outputs: int
    length_in: int  # samples
    length_out: int
    upwards: bool  # on the way out
    rectified: bool


@dataclass(frozen=True)
class Autoencoder(Design):
    """How badly a window comes back from a bottleneck that normal windows pass (Sakurada and Yairi, 2014).

    Convolutions of stride 2 down to the last of `widths`, and the same way back.
    """

    widths: tuple[int, ...]  # channels after each convolution on the way in
    kernel: int  # samples, odd

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widths or min(self.widths) < 1 or self.kernel % 2 == 0:
            raise ValueError("an autoencoder has a convolution at least, and an odd kernel")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every convolution with the shapes around it; what comes out may be longer than the window."""
        layers: list[Layer] = []
        channels, length = self.inputs, self.length
        for width in self.widths:
            after = -(-length // 2)
            layers.append(Layer(channels, width, length, after, upwards=False, rectified=True))
            channels, length = width, after
        for width in (*self.widths[-2::-1], self.inputs):
            last = len(layers) == 2 * len(self.widths) - 1
            layers.append(Layer(channels, width, length, 2 * length, upwards=True, rectified=not last))
            channels, length = width, 2 * length
        return tuple(layers)


Detector = Density | Autoencoder  # trained on normal windows alone; tells whether a window is an anomaly
Architecture = Convnet | Kernels | Trees | Density | Autoencoder
