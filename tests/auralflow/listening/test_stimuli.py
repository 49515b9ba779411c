import numpy as np
import pytest

from auralflow.listening.stimuli import LARGEST_GAIN, low_pass, make_trial
from auralflow.report import Example
from auralflow_core.dsp.loudness import loudness
from auralflow_core.errors import InputError

RATE = 16000


def noise(level, seconds=12.0, seed=0, rate=RATE):
    return level * np.random.default_rng(seed).standard_normal((2, round(seconds * rate))).astype(np.float32)


def example(rate=RATE, seconds=12.0, **estimates):
    versions = {"Mixture": noise(0.2, seconds, 1, rate), **estimates, "Reference": noise(0.05, seconds, 2, rate)}
    return Example("song", "vocals", versions, rate, 30.0)


@pytest.mark.parametrize("rate", [9600, 44100])
def test_the_low_anchor_has_the_slope_of_the_standard(rate):
    impulse = np.zeros((1, rate), np.float64)
    impulse[0, rate // 2] = 1
    taps = low_pass(impulse, rate)[0]
    np.testing.assert_allclose(taps[1 : rate // 2], taps[: rate // 2 : -1], atol=1e-12)  # no delay
    decibel = 20 * np.log10(np.abs(np.fft.rfft(taps)) + 1e-12)  # at 0, 1, 2, ... Hz
    assert np.abs(decibel[:3501]).max() < 0.1 and decibel[4000:].max() < -25 and decibel[4500:].max() < -50


def test_the_low_anchor_of_a_low_rate_is_the_signal():
    audio = noise(0.1, 1)
    np.testing.assert_array_equal(low_pass(audio, 7500), audio)


def test_stimuli_are_ten_seconds_from_the_middle_and_equally_loud():
    found = example(one=noise(0.01, seed=3), two=noise(0.2, seed=4))
    trial = make_trial(found, {"one": "First", "two": "Second", "missing": "Third"})
    assert [(name, kind) for name, kind, _ in trial.stimuli] == [
        ("Reference", "reference"),
        ("Low-pass anchor", "anchor"),
        ("Mixture", "anchor"),
        ("First", "system"),
        ("Second", "system"),
    ]
    assert (trial.track, trial.target, trial.start, trial.sample_rate) == ("song", "vocals", 31.0, RATE)
    reference, *others = (audio for *_, audio in trial.stimuli)
    assert reference.shape == (2, 10 * RATE)
    inside = slice(RATE, -RATE)
    np.testing.assert_allclose(reference[:, inside], found.versions["Reference"][:, 2 * RATE : -2 * RATE], rtol=1e-6)
    for audio in others:
        assert loudness(audio, RATE) == pytest.approx(loudness(reference, RATE), abs=0.02)
        assert np.abs(audio[:, [0, -1]]).max() < 1e-4  # fades


def test_nearly_silent_estimates_stay_soft_and_loud_ones_fit():
    trial = make_trial(example(soft=noise(1e-3, seed=3), none=noise(0.0)), {"soft": "soft", "none": "none"})
    *_, soft, none = (audio for *_, audio in trial.stimuli)
    assert loudness(soft, RATE) == pytest.approx(loudness(noise(1e-3, seed=3), RATE) + LARGEST_GAIN, abs=0.05)
    assert not none.any()
    bursts = noise(0.05, seed=5)
    bursts[:, ::4000] = 3  # peaks that loudness hardly hears
    trial = make_trial(example(bursts=bursts), {"bursts": "bursts"})
    assert max(np.abs(audio).max() for *_, audio in trial.stimuli) == pytest.approx(1)
    levels = [loudness(audio, RATE) for *_, audio in trial.stimuli]
    assert max(levels) - min(levels) < 0.02 and levels[0] < loudness(noise(0.05, seed=2), RATE) - 3


def test_high_rates_become_48_kilohertz_and_short_tracks_are_heard_whole():
    trial = make_trial(example(96000, 0.5), {})
    assert trial.sample_rate == 48000 and trial.stimuli[0].audio.shape == (2, 24000) and trial.start == 30.0


def test_what_is_not_finite_is_refused():
    broken = noise(0.1)
    broken[0, 6 * RATE] = np.nan
    with pytest.raises(InputError, match="model, vocals of song: holds NaN or infinity"):
        make_trial(example(model=broken), {"model": "model"})
