"""Levels, spectra and sketches, against closed forms."""

import numpy as np
import pytest
import soxr

from auralflow.inspection.levels import Levels
from auralflow.inspection.sketch import Sketches, cosines
from auralflow.inspection.spectrum import Spectrum, find_edge, find_lower_rate

RATE = 44100


def noise(seconds=4, seed=0, rate=RATE):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))


def add_all(part, signals, piece=30000):
    """Adds (signals, channels, samples) in pieces."""
    for start in range(0, signals.shape[-1], piece):
        part.add(signals[..., start : start + piece].astype(np.float32))
    return part


def power(signal):
    return add_all(Spectrum(1), signal[None, None]).power[0]


def low_passed(signal, end, width=200.0):
    """A signal whose spectrum ends within a width in Hz, over noise of 16 bits."""
    bins = np.fft.rfftfreq(len(signal), 1 / RATE)
    kept = np.clip((end - bins) / width + 0.5, 0, 1)
    return (
        np.round(np.fft.irfft(np.fft.rfft(signal) * kept, len(signal)) * 32768 + noise(len(signal) / RATE, 9)) / 32768
    )


def test_levels_have_their_closed_forms():
    left, right = np.sin(np.arange(70000) / 5), np.cos(np.arange(70000) / 5)
    clipped = np.clip(4 * left, -1, 32767 / 32768)
    levels = add_all(Levels(3), np.stack([[left, right], [left / 2, left / 2], [clipped, left]]))
    assert levels.samples == 70000
    np.testing.assert_allclose(levels.peak, [1, 0.5, 1], atol=1e-4)
    np.testing.assert_allclose(levels.side[:2], [0.25, 0], atol=1e-4)  # (sin - cos)^2 / 4 = (1 - sin 2x) / 4
    flat = np.abs(4 * left) >= 32767 / 32768  # 83 % of the time, in runs of 13; pieces may cut one in two
    assert levels.clipped[2] == pytest.approx(flat.sum(), rel=0.01) and not levels.clipped[:2].any()


@pytest.mark.parametrize("end", [15000.0, 16000.0, 17000.0, 19000.0, 20300.0])
def test_an_abrupt_end_of_the_spectrum_is_found(end):
    assert find_edge(power(low_passed(noise(), end)), RATE) == pytest.approx(end, abs=200)
    assert find_lower_rate(power(low_passed(noise(), end)), RATE) is None


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050])
def test_the_rate_that_audio_was_resampled_from_is_found(rate):
    upsampled = soxr.resample(soxr.resample(noise(), RATE, rate, quality="VHQ"), rate, RATE, quality="VHQ")
    assert find_lower_rate(power(np.round(upsampled * 32768) / 32768), RATE) == rate


@pytest.mark.parametrize("slope", [6, 12, 24])
def test_a_spectrum_that_fades_out_is_none_of_both(slope):
    """Noise that falls by a slope in dB per octave above 500 Hz, as instruments do, down to the noise of 16 bits."""
    bins = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    gain = np.minimum(1, (np.maximum(bins, 1) / 500) ** (-slope / 6.02))
    fading = np.round(np.fft.irfft(np.fft.rfft(noise()) * gain) * 32768) / 32768
    for signal in (fading, np.sin(np.arange(4 * RATE) / 10), np.zeros(4 * RATE)):
        assert find_edge(power(signal), RATE) is None and find_lower_rate(power(signal), RATE) is None


def test_sketches_tell_recordings_apart():
    one, other, rest = noise(seed=1), noise(seed=2), noise(seed=3)
    signals = np.stack([one, -3 * one, np.round(one * 127) / 127, other, one + rest])[:, None]
    found = add_all(Sketches(5), signals).values
    same = cosines(found)
    assert same[0, 1] == pytest.approx(-1, abs=1e-6) and same[0, 2] > 0.99
    assert abs(same[0, 3]) < 0.3 and same[0, 4] == pytest.approx(2**-0.5, abs=0.15)
    np.testing.assert_allclose(add_all(Sketches(5), signals, piece=4099).values, found, atol=1e-4)
    assert not cosines(np.zeros((2, 256))).any()
