import torch

from factory.training.masking import LOUDEST, MOST_BANDS, MOST_FRAMES, NOISY, QUIETEST, coloured, masked, noisy

BATCH, FRAMES, BANDS, SIGNALS = 400, 30, 20, 2


def test_a_stretch_of_frames_and_one_of_bands_are_hidden_in_every_signal_and_nothing_else() -> None:
    torch.manual_seed(0)
    shown = masked(torch.ones(BATCH, FRAMES, BANDS * SIGNALS), BANDS).view(BATCH, FRAMES, BANDS, SIGNALS) > 0
    assert torch.equal(shown[..., 0], shown[..., 1])
    frames, bands = shown[..., 0].any(2), shown[..., 0].any(1)
    assert torch.equal(shown[..., 0], frames[:, :, None] & bands[:, None, :])
    for seen, most in ((frames, MOST_FRAMES), (bands, MOST_BANDS)):
        hidden = (~seen).sum(1)
        assert hidden.max() <= most * seen.shape[1] + 1
        assert 0.3 * most < float(hidden.float().mean()) / seen.shape[1] < 0.7 * most
        assert (seen[:, 1:] != seen[:, :-1]).sum(1).max() <= 2  # one stretch


def test_every_part_is_hidden_now_and_then() -> None:
    torch.manual_seed(0)
    shown = masked(torch.ones(BATCH, FRAMES, BANDS), BANDS)
    assert (shown == 0).any(0).all()


def test_colour_is_a_smooth_curve_over_bands_that_stays_for_the_whole_window() -> None:
    torch.manual_seed(0)
    curves = coloured(torch.ones(BATCH, FRAMES, SIGNALS, BANDS)).log()
    assert torch.allclose(curves, curves[:, :1].expand_as(curves))
    assert (curves.diff(dim=3).abs().mean() < 0.5 * curves.abs().mean()).item()
    assert not torch.allclose(curves[:, :, 0], curves[:, :, 1], atol=0.1)
    assert not torch.allclose(curves[0], curves[1], atol=0.1)


def test_silence_stays_silent_under_any_colour() -> None:
    assert not coloured(torch.zeros(3, FRAMES, SIGNALS, BANDS)).any()


def test_a_background_is_added_to_some_windows_by_their_loudness_and_fills_their_silence() -> None:
    torch.manual_seed(0)
    power = torch.ones(BATCH, FRAMES, SIGNALS, BANDS) * torch.logspace(-3, 3, BATCH)[:, None, None, None]
    power[:, FRAMES // 2 :] = 0
    added = noisy(power) - power
    changed = added.amax((1, 2, 3)) > 0
    assert abs(float(changed.float().mean()) - NOISY) < 0.1
    assert (added[changed][:, FRAMES // 2 :] > 0).all()
    shares = added[changed].mean((1, 2, 3)) / power[changed].mean((1, 2, 3))
    assert QUIETEST < float(shares.median()) < LOUDEST


def test_silence_has_no_background() -> None:
    assert not noisy(torch.zeros(3, FRAMES, SIGNALS, BANDS)).any()
