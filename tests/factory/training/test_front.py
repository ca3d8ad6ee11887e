"""The front end of training: what it makes of windows, whatever family stands behind it."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from factory.architectures import Design, FrontEnd, Spectrum, most_bands
from factory.training.front import CLIP, Front, filter_bank
from factory.training.spectrum import LEAST_SHARE, band_matrix
from tests.support.models import noise

FRONTS = [FrontEnd(), FrontEnd(True), FrontEnd(differences=True), FrontEnd(True, True, 5), FrontEnd(smoothing=9)]


def with_front(front: FrontEnd, time: int = 40) -> Design:
    return Design(time, 4, 3, ((0, 1, 2),), front)


def fitted(design: Design, windows: Tensor) -> Front:
    front = Front(design)
    front.fit(windows)
    return front


@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_normalised_signals_have_mean_0_and_deviation_1(front: FrontEnd) -> None:
    design = with_front(front)
    windows = torch.from_numpy(noise(design, 200))
    signals = fitted(design, windows).normalised(windows)
    assert torch.allclose(signals.mean((0, 1)), torch.zeros(design.signals), atol=1e-3)
    assert torch.allclose(signals.std((0, 1)), torch.ones(design.signals), atol=2e-3)


@pytest.mark.parametrize("front", [f for f in FRONTS if f.filters > 1], ids=str)
def test_filtered_signals_are_of_one_scale(front: FrontEnd) -> None:
    design = with_front(front)
    windows = torch.from_numpy(noise(design, 100))
    _, filtered = fitted(design, windows)(windows)
    assert torch.allclose(filtered.std((0, 2, 3)), torch.ones(design.inputs), atol=0.01)


def test_filters_are_slow_part_fast_part_and_difference() -> None:
    signal = torch.tensor([1.0, 4.0, 7.0, 1.0, 2.0]).view(1, 1, 1, 5)
    bank = filter_bank(FrontEnd(differences=True, smoothing=3))
    slow, fast, difference = torch.nn.functional.conv2d(signal, bank, padding=(0, 1))[0, :, 0, 1:4]
    assert torch.allclose(slow, torch.tensor([4.0, 4.0, 10 / 3]))
    assert torch.allclose(slow + fast, torch.tensor([4.0, 7.0, 1.0]))
    assert torch.allclose(difference, torch.tensor([3.0, 3.0, -6.0]))


def test_magnitudes_do_not_change_when_the_device_is_turned() -> None:
    design = with_front(FrontEnd(magnitudes=True))
    windows = torch.from_numpy(noise(design, 3))
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    turned = windows.clone()
    turned[:, :, :3] = windows[:, :, :3] @ turn
    before, after = Front(design).signals(windows), Front(design).signals(turned)
    assert torch.allclose(before[:, :, 4], after[:, :, 4], atol=1e-4)
    assert not torch.allclose(before[:, :, 0], after[:, :, 0], atol=0.1)


def test_missing_values_count_as_the_mean_and_wild_ones_are_clipped() -> None:
    design = with_front(FrontEnd())
    windows = torch.from_numpy(noise(design, 50))
    windows[:, :5] = torch.nan
    front = fitted(design, windows)
    assert front.normalised(windows)[:, :5].abs().max() < 1e-4
    assert front.normalised(windows + 1e9).max() == CLIP


@pytest.mark.parametrize("front", [FrontEnd(True, True, 5), FrontEnd(True, spectrum=Spectrum(16, 8, 4))], ids=str)
def test_a_constant_or_missing_channel_does_no_harm(front: FrontEnd) -> None:
    design = with_front(front)
    windows = torch.from_numpy(noise(design, 20))
    windows[:, :, 1], windows[:, :, 3] = 7.0, torch.nan
    assert all(torch.isfinite(values).all() for values in fitted(design, windows)(windows))


SPECTRA = [Spectrum(64, 32, 8), Spectrum(64, 16, 8, mel=True), Spectrum(50, 50, 12, level=True), Spectrum(8, 4, 4)]


@pytest.mark.parametrize("spectrum", SPECTRA, ids=str)
def test_bands_have_the_promised_shape_mean_0_and_deviation_1(spectrum: Spectrum) -> None:
    design = with_front(FrontEnd(True, spectrum=spectrum), time=300)
    windows = torch.from_numpy(noise(design, 60))
    bands, x = fitted(design, windows)(windows)
    assert bands.shape == (60, design.length, design.inputs)
    assert x.shape == (60, design.inputs, 1, design.length)
    assert torch.equal(bands, x[:, :, 0].transpose(1, 2))
    assert torch.allclose(bands.mean((0, 1)), torch.zeros(design.inputs), atol=1e-3)
    assert torch.allclose(bands.std((0, 1)), torch.ones(design.inputs), atol=2e-3)


def tone(frequency: float, time: int, strength: float = 1.0) -> Tensor:
    """A sine of so many cycles a sample, as windows (1, time, 1)."""
    return strength * torch.sin(2 * math.pi * frequency * torch.arange(time)).view(1, time, 1)


def spectral(spectrum: Spectrum, time: int = 512) -> tuple[Design, Front]:
    design = Design(time, 1, 2, (), FrontEnd(spectrum=spectrum))
    return design, fitted(design, torch.from_numpy(noise(design, 30)))


@pytest.mark.parametrize("mel", [False, True])
def test_a_tone_is_loudest_in_the_band_around_it_and_moves_up_with_its_frequency(mel: bool) -> None:
    spectrum = Spectrum(64, 32, 8, mel)
    _, front = spectral(spectrum)
    tops = band_matrix(spectrum).argmax(0) + 1  # cycles a frame
    loudest = [int(front(tone(float(top) / 64, 512, 5.0))[0].mean((0, 1)).argmax()) for top in tops]
    assert loudest == list(range(8))


def test_an_offset_does_not_count() -> None:
    _, front = spectral(Spectrum(64, 32, 8))
    low = tone(1 / 64, 512)
    assert torch.allclose(front(low)[0], front(low + 3.0)[0], atol=1e-3)


def test_loudness_counts_unless_power_is_taken_as_a_share() -> None:
    quiet, loud = tone(0.1, 512, 0.5), tone(0.1, 512, 2.0)
    _, absolute = spectral(Spectrum(64, 32, 8))
    _, relative = spectral(Spectrum(64, 32, 8, level=True))
    assert not torch.allclose(absolute(quiet)[0], absolute(loud)[0], atol=0.5)
    assert torch.allclose(relative(quiet)[0], relative(loud)[0], atol=1e-3)


def test_missing_frames_are_as_quiet_as_can_be() -> None:
    _, front = spectral(Spectrum(64, 32, 8))
    windows = tone(0.1, 512)
    windows[:, 256:] = torch.nan
    assert front.bands is not None
    bands, _ = front(windows)
    silence = (front.bands.floor.log() - front.bands.centre) * front.bands.gain
    assert torch.allclose(bands[0, 8:], silence.expand(7, 8), atol=1e-4)
    assert (bands >= silence - 1e-4).all()


def test_quiet_power_is_not_told_from_none() -> None:
    _, front = spectral(Spectrum(64, 32, 8))
    faint = torch.full((1, 512, 1), torch.nan)
    faint[:, 0] = 0
    noise_floor = front(faint)[0]
    hiss = math.sqrt(LEAST_SHARE / 100) * torch.from_numpy(noise(Design(512, 1, 2, (), FrontEnd()), 1))
    assert torch.allclose(front(hiss - hiss.mean() + front.fill)[0], noise_floor, atol=0.1)


@pytest.mark.parametrize("mel", [False, True])
def test_every_band_has_a_frequency_and_bands_leave_no_gap(mel: bool) -> None:
    for frame in range(8, 600, 2):
        for bands in {2, most_bands(frame, mel)}:
            matrix = band_matrix(Spectrum(frame, frame, bands, mel)).numpy()
            assert matrix.shape == (frame // 2, bands)
            assert (matrix.max(0) > 0).all()
            inner = slice(matrix[:, 0].argmax() + 1, matrix[:, -1].argmax())
            assert np.allclose(matrix[inner].sum(1), 1, atol=1e-4)


@pytest.mark.parametrize("changes", [(1, 1, 2), (64, 0, 8), (64, 65, 8), (64, 32, 1), (64, 32, 33), (64, 32, 17, True)])
def test_an_impossible_spectrum_is_refused(changes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"bands|hop"):
        Spectrum(*changes)


def test_a_frame_longer_than_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        with_front(FrontEnd(spectrum=Spectrum(64, 32, 8)), time=63)


def test_noise_is_in_units_of_the_channel_but_spares_the_silence_of_a_spectrum() -> None:
    windows = torch.from_numpy(noise(with_front(FrontEnd()), 200))
    raw = fitted(with_front(FrontEnd(True)), windows)
    assert torch.allclose(raw.jitter, windows.flatten(0, 1).std(0), rtol=1e-3)
    assert fitted(with_front(FrontEnd(spectrum=Spectrum(16, 8, 4))), windows).jitter.tolist() == [0.0] * 4


def test_only_training_changes_a_spectrum() -> None:
    windows = tone(0.1, 512)
    _, front = spectral(Spectrum(64, 32, 8))
    once, again = front(windows)[0], front(windows)[0]
    assert torch.equal(once, again)
    front.train()
    assert not torch.allclose(front(windows)[0], once, atol=0.1)
