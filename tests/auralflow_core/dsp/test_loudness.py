import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from auralflow_core.dsp.loudness import k_weighting, loudness


def gated_noise(rate, channels):
    """Noise with a part that the relative gate leaves out, and one that the absolute gate does."""
    audio = 0.1 * np.random.default_rng(rate).standard_normal((channels, 6 * rate)).astype(np.float32)
    audio[:, 2 * rate : 4 * rate] *= 0.1
    audio[:, 4 * rate : 5 * rate] *= 1e-5
    return audio


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize(("rate", "channels"), [(48000, 2), (44100, 1), (32000, 2)])
def test_it_is_ffmpegs(rate, channels, tmp_path):
    audio = gated_noise(rate, channels)
    soundfile.write(tmp_path / "noise.wav", audio.T, rate, "FLOAT")
    measure = "ebur128=metadata=1,ametadata=print:file=-"
    command = ["ffmpeg", "-nostdin", "-i", tmp_path / "noise.wav", "-af", measure, "-f", "null", "-"]
    measured = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = float(re.findall(r"lavfi\.r128\.I=(\S+)", measured.stdout)[-1])
    assert loudness(audio, rate) == pytest.approx(expected, abs=0.05)


def test_the_filters_at_48_kilohertz_are_those_of_the_standard():
    # ITU-R BS.1770-4, annex 1, tables 1 and 2.
    head = [1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585]
    low = [1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621]
    for found, expected in zip(k_weighting(48000), (head, low), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-11)


def test_two_channels_are_twice_one_and_gains_are_decibels():
    [one] = gated_noise(48000, 1)
    level = loudness(one[None], 48000)
    assert loudness(np.stack([one, one]), 48000) == pytest.approx(level + 10 * np.log10(2), abs=1e-6)
    assert loudness(one[None] / 4, 48000) == pytest.approx(level - 20 * np.log10(4), abs=1e-4)


def test_short_signals_count_as_a_whole_and_silence_is_not_heard():
    time = np.arange(2400) / 8000
    assert loudness(0.5 * np.sin(2 * np.pi * 1000 * time)[None], 8000) == pytest.approx(-3.01 - 6.02, abs=0.1)
    assert loudness(np.zeros((2, 8000), np.float32), 8000) == -np.inf
