"""Front ends: what every family may derive from the raw channels first.

Rules
1. Magnitudes only where channels are the axes of one sensor.
2. A spectrum only where the window is long enough to hold several frames of it; frames are powers of two that leave
   between `LEAST_FRAMES` and `MOST_FRAMES` of them to a window, so that they go with its length.
3. Bands of hearing only for what is sampled as sound is.
"""

from collections.abc import Mapping

from factory.architectures import FrontEnd, Spectrum, most_bands
from factory.search.space.choices import Choose, Value
from factory.search.space.shape import Shape, replace

SMOOTHING = (0, 5, 9, 17, 33)
LEAST_TIME = 64  # samples of a window that a spectrum is offered for
LEAST_FRAMES, MOST_FRAMES = 8, 128  # half overlapping
SMALLEST_FRAME, LARGEST_FRAME = 4, 11  # powers of two
OVERLAPS = (1, 2, 4)  # hops to a frame
BANDS = (8, 12, 16, 24, 32, 40)
MEL_HZ = 1000.0  # least rate of what may be sound
DEFAULT_TIME, DEFAULT_FRAMES, DEFAULT_BANDS = 256, 24, 32  # least samples and frames, and most bands, of a default


def sample(shape: Shape, choose: Choose) -> FrontEnd:
    """A front end."""
    magnitudes = bool(shape.triples) and choose("front.magnitudes", (False, True))
    if frames(shape) and choose("front.view", ("signals", "spectrum")) == "spectrum":
        return FrontEnd(magnitudes, spectrum=_spectrum(shape, choose))
    differences = choose("front.differences", (False, True))
    return FrontEnd(magnitudes, differences, choose("front.smoothing", smoothings(shape)))


def values(front: FrontEnd) -> Mapping[str, Value]:
    """The decisions that lead to a front end, by name."""
    spectrum = front.spectrum
    given: dict[str, Value] = {
        "front.magnitudes": front.magnitudes,
        "front.view": "signals" if spectrum is None else "spectrum",
    }
    if spectrum is None:
        return {**given, "front.differences": front.differences, "front.smoothing": front.smoothing}
    overlap = round(spectrum.frame / spectrum.hop)
    return {
        **given,
        "front.frame": spectrum.frame,
        "front.overlap": overlap,
        "front.bands": spectrum.bands,
        "front.mel": spectrum.mel,
        "front.level": spectrum.level,
    }


def cheaper(front: FrontEnd) -> FrontEnd:
    """A front end that costs less: fewer frames, fewer bands, then the signals themselves, at last nothing at all."""
    spectrum = front.spectrum
    if spectrum is not None and spectrum.hop < spectrum.frame:
        return replace(front, spectrum=replace(spectrum, hop=min(2 * spectrum.hop, spectrum.frame)))
    if spectrum is not None and spectrum.bands > BANDS[0]:
        return replace(front, spectrum=replace(spectrum, bands=BANDS[0]))
    if front.filters > 1 or spectrum is not None:
        return FrontEnd(front.magnitudes)
    return FrontEnd()


def smoothings(shape: Shape) -> tuple[int, ...]:
    """Moving averages that are short enough for the window."""
    return tuple(length for length in SMOOTHING if 2 * length <= shape.time)


def frames(shape: Shape) -> tuple[int, ...]:
    """Lengths of a frame (rule 2); none: no spectrum."""
    if shape.time < LEAST_TIME:
        return ()
    powers = (2**power for power in range(SMALLEST_FRAME, LARGEST_FRAME + 1))
    return tuple(frame for frame in powers if LEAST_FRAMES <= 2 * shape.time / frame <= MOST_FRAMES)


def default(shape: Shape) -> FrontEnd | None:
    """A spectrum that does well on many tasks, as a share of the window's power where it may be sound, whose loudness
    is the distance; None: the window is short, or longer than its frames can be.
    """
    fitting = [frame for frame in frames(shape) if 2 * shape.time >= (DEFAULT_FRAMES + 1) * frame]
    if shape.time < DEFAULT_TIME or not fitting:
        return None
    frame = fitting[-1]
    sound = shape.rate_hz >= MEL_HZ
    bands = min(DEFAULT_BANDS, most_bands(frame, sound))
    return FrontEnd(bool(shape.triples), spectrum=Spectrum(frame, frame // 2, bands, mel=sound, level=sound))


def _spectrum(shape: Shape, choose: Choose) -> Spectrum:
    frame = choose("front.frame", frames(shape))
    hop = frame // choose("front.overlap", OVERLAPS)
    mel = shape.rate_hz >= MEL_HZ and choose("front.mel", (False, True))
    bands = min(choose("front.bands", BANDS), most_bands(frame, mel))
    return Spectrum(frame, hop, bands, mel, choose("front.level", (False, True)))
