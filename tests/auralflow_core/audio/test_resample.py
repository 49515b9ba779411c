import numpy as np
import pytest

from auralflow_core.audio import resample, resample_stream, to_channels
from auralflow_core.errors import InputError


@pytest.mark.parametrize("from_rate, to_rate", [(44100, 22050), (22050, 44100), (48000, 44100), (44100, 16000)])
def test_resampling_keeps_a_tone_in_time(from_rate, to_rate):
    samples = 2 * from_rate + 13
    tone = np.sin(2 * np.pi * 1000 * np.arange(samples) / from_rate).astype(np.float32)
    result = resample(np.stack([tone, -tone])[None], from_rate, to_rate)
    assert result.shape == (1, 2, int(np.ceil(samples * to_rate / from_rate))) and result.dtype == np.float32
    expected = np.sin(2 * np.pi * 1000 * np.arange(result.shape[-1]) / to_rate)
    edge = to_rate // 50
    np.testing.assert_allclose(result[0, 0, edge:-edge], expected[edge:-edge], atol=1e-5)
    np.testing.assert_array_equal(result[0, 1], -result[0, 0])


def test_resampling_to_a_length():
    ones = np.ones((1, 8000), np.float32)
    np.testing.assert_array_equal(resample(ones, 8000, 8000), ones)
    np.testing.assert_array_equal(resample(ones, 8000, 8000, 8002)[0, -3:], [1, 0, 0])
    assert resample(ones, 8000, 44100, 1234).shape == (1, 1234)
    assert resample(resample(ones, 8000, 44100), 44100, 8000, 8000).shape == (1, 8000)
    # 44101 samples make 8000.2: the last output sample lies at the last input sample, where the step to 0 is half down.
    assert resample(np.ones((1, 44101), np.float32), 44100, 8000)[0, -1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("from_rate, to_rate", [(44100, 48000), (48000, 44100), (44100, 8000), (6001, 44100), (8, 8)])
def test_a_stream_is_resampled_to_the_same_samples(from_rate, to_rate):
    for samples in (1, 2, 20_011):
        audio = np.random.default_rng(0).standard_normal((2, 3, samples)).astype(np.float32)
        blocks = [audio[..., start : start + 997] for start in range(0, samples, 997)]
        for wanted in (None, 1, samples // 2 + 1, 6 * samples):
            pieces = list(resample_stream(iter(blocks), from_rate, to_rate, wanted))
            assert all(piece.shape[-1] for piece in pieces)
            np.testing.assert_array_equal(np.concatenate(pieces, axis=-1), resample(audio, from_rate, to_rate, wanted))
    assert list(resample_stream([], 8000, 44100)) == []


def test_channels():
    stereo = np.array([[1, 2], [3, 6]], np.float32)
    np.testing.assert_array_equal(to_channels(stereo, 1), [[2, 4]])
    np.testing.assert_array_equal(to_channels(stereo[:1], 2), [[1, 2], [1, 2]])
    np.testing.assert_array_equal(to_channels(stereo, 2), stereo)
    with pytest.raises(InputError, match="cannot make 2 channels of 6"):
        to_channels(np.zeros((6, 3)), 2)
