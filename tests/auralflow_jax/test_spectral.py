import itertools

import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest
import torch

from auralflow.mel import mel_filterbank
from auralflow_jax.spectral import istft, magnitude, pad_to_hop, stft, to_decibel, to_mel

# (num_fft, hop_length, window_size): the usual ones, hops that divide nothing, short windows, odd transforms.
SIZES = [(2048, 768, 2048), (2048, 512, 2048), (1024, 120, 600), (512, 50, 240), (512, 333, 400), (513, 128, 513),
         (64, 7, 33)]
SHAPES = [(1, 4410), (3, 2, 4999)]  # (..., channels, samples)


def noise(shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def torch_stft(audio, num_fft, hop, window_size, padding="reflect"):
    flat = torch.from_numpy(audio.reshape(-1, audio.shape[-1]))
    spectrum = torch.stft(flat, num_fft, hop, window_size, torch.hann_window(window_size), center=True,
                          pad_mode=padding, return_complex=True)
    return spectrum.reshape(*audio.shape[:-1], *spectrum.shape[-2:]).numpy()


def relative(value, expected):
    assert value.shape == expected.shape
    return np.abs(value - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize(("sizes", "shape"), list(itertools.product(SIZES, SHAPES)))
def test_both_directions_agree_with_torch_and_invert_each_other(sizes, shape):
    num_fft, hop, window_size = sizes
    audio = noise(shape)
    expected = torch_stft(audio, *sizes)
    spectrum = stft(audio, *sizes)
    assert spectrum.dtype == jnp.complex64 and relative(spectrum, expected) <= 1e-5

    # A changed spectrum is no signal's: what comes back depends on every detail of the inverse.
    changed = expected * noise(expected.shape, 1)
    flat = torch.from_numpy(changed.reshape(-1, *changed.shape[-2:]))
    covered = (expected.shape[-1] - 1) * hop  # up to the last frame's centre
    inverse = torch.istft(flat, num_fft, hop, window_size, torch.hann_window(window_size), length=covered)
    assert relative(istft(changed, *sizes, covered), inverse.numpy().reshape(*shape[:-1], covered)) <= 1e-5

    samples = shape[-1]
    back = istft(stft(pad_to_hop(audio, hop), *sizes), *sizes, samples)
    assert back.shape == shape and back.dtype == jnp.float32
    assert np.sqrt(np.mean((back - audio) ** 2)) < 1e-6


@pytest.mark.parametrize("samples", [2049, 4607, 4608, 4609, 44099])
def test_a_hop_that_divides_nothing_inverts_to_the_last_sample_without_padding(samples):
    audio = noise((2, samples))
    spectrum = stft(audio, 2048, 768, 2048)
    assert spectrum.shape == (2, 1025, 1 + samples // 768)
    np.testing.assert_allclose(istft(spectrum, 2048, 768, 2048, samples), audio, atol=3e-6)


def test_zero_padding_agrees_with_torch_also_for_less_than_a_window():
    for samples in (1, 100, 3000):
        audio = noise((1, samples))
        assert relative(stft(audio, 512, 200, 512, "constant"), torch_stft(audio, 512, 200, 512, "constant")) <= 1e-5


def test_double_precision_passes_through():
    with jax.enable_x64(True):
        audio = noise((2, 3000)).astype(np.float64)
        spectrum = stft(audio, 512, 200, 400)
        expected = torch.stft(torch.from_numpy(audio), 512, 200, 400, torch.hann_window(400, dtype=torch.float64),
                              pad_mode="reflect", return_complex=True).numpy()
        np.testing.assert_allclose(spectrum, expected, atol=1e-12)
        np.testing.assert_allclose(istft(spectrum, 512, 200, 400, 3000), audio, atol=1e-12)


def test_lower_precision_is_computed_in_float32():
    assert stft(jnp.ones((1, 600), jnp.bfloat16), 256, 100, 256).dtype == jnp.complex64


def test_the_gradient_is_torchs_and_finite_at_silence():
    sizes = (256, 100, 200)
    audio, weight = noise((2, 1000)), noise((2, 129, 11), 1)

    def filtered(audio):
        spectrum = stft(audio, *sizes)
        return jnp.sum(magnitude(spectrum) * weight) + jnp.sum(istft(spectrum * weight, *sizes, 1000) ** 2)

    signal = torch.tensor(audio, requires_grad=True)
    window, mask = torch.hann_window(200), torch.from_numpy(weight)
    spectrum = torch.stft(signal, 256, 100, 200, window, pad_mode="reflect", return_complex=True)
    back = torch.istft(spectrum * mask, 256, 100, 200, window, length=1000)
    ((spectrum.abs() * mask).sum() + (back**2).sum()).backward()
    assert relative(jax.grad(filtered)(audio), signal.grad.numpy()) <= 1e-5
    np.testing.assert_array_equal(jax.grad(filtered)(np.zeros_like(audio)), 0)


def test_the_magnitude_has_the_gradient_of_a_norm_and_none_at_zero():
    spectrum = jnp.array([3 + 4j, 0, -2j], jnp.complex64)
    np.testing.assert_allclose(magnitude(spectrum), [5, 0, 2])
    gradient = jax.grad(lambda real, imag: magnitude(real + 1j * imag).sum(), argnums=(0, 1))
    np.testing.assert_allclose(gradient(spectrum.real, spectrum.imag), [[0.6, 0, 0], [0.8, 0, -1]], atol=1e-6)


def test_what_cannot_be_transformed_is_refused_in_words():
    with pytest.raises(ValueError, match=r"needs more samples than that, got audio of shape \(16, 88200, 1\)"):
        stft(jnp.zeros((16, 88200, 1)), 2048, 768, 2048)
    with pytest.raises(ValueError, match=r"1024 needs more samples than that, got audio of shape \(1024,\)"):
        stft(jnp.zeros(1024), 2048, 768, 2048)
    with pytest.raises(ValueError, match="window_size 4096"):
        stft(jnp.zeros(9000), 2048, 768, 4096)
    with pytest.raises(ValueError, match="'reflect' or 'constant', got 'edge'"):
        stft(jnp.zeros(9000), 2048, 768, 2048, "edge")
    with pytest.raises(ValueError, match=r"1025 bins, frames\), got \(2, 1024, 10\)"):
        istft(jnp.zeros((2, 1024, 10), jnp.complex64), 2048, 768, 2048, 7000)


def test_samples_that_no_frame_determines_are_refused_not_invented():
    def back(samples, frames, hop):
        return istft(jnp.zeros((257, frames), jnp.complex64), 512, hop, 512, samples)

    with pytest.raises(ValueError, match="undetermined"):  # periodic Hann windows side by side: zeros in between
        back(2000, 5, 512)
    with pytest.raises(ValueError, match="144 of 2000 samples undetermined"):  # frames end at 1600 + 256
        back(2000, 5, 400)
    assert back(2000, 6, 400).shape == (2000,)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize(("rate", "num_fft", "mels", "low", "high"),
                         [(44100, 2048, 128, 0, None), (22050, 1024, 40, 60, 8000), (16000, 401, 23, 0, None)])
def test_mel_filters_agree_with_librosa(scale, rate, num_fft, mels, low, high):
    for normalize in (True, False):
        filters = mel_filterbank(rate, num_fft, mels, low, high, scale, normalize)
        expected = librosa.filters.mel(sr=rate, n_fft=num_fft, n_mels=mels, fmin=low, fmax=high, htk=scale == "htk",
                                       norm="slaney" if normalize else None)
        assert filters.dtype == np.float32
        np.testing.assert_allclose(filters, expected, atol=1e-6 * expected.max())


def test_mel_bands_agree_with_librosa():
    audio = noise((2, 8000))
    bands = to_mel(magnitude(stft(audio, 1024, 256, 1024, "constant")) ** 2, mel_filterbank(22050, 1024, 64))
    expected = librosa.feature.melspectrogram(y=audio, sr=22050, n_fft=1024, hop_length=256, n_mels=64)
    assert bands.shape == (2, 64, 32)
    assert relative(bands, expected) <= 1e-4


@pytest.mark.parametrize("reference", [1.0, 0.3, None])
@pytest.mark.parametrize("top_db", [80.0, None])
def test_decibels_agree_with_librosa_item_by_item(reference, top_db):
    levels = 10 ** noise((3, 20, 30), 2) ** 3 * np.float32([1, 1e-3, 1e-7])[:, None, None]
    levels[0, :3] = 0
    for power, function, floor in ((False, librosa.amplitude_to_db, 1e-5), (True, librosa.power_to_db, 1e-10)):
        expected = [function(item, ref=reference or np.max, amin=floor, top_db=top_db) for item in levels]
        result = jax.jit(lambda x, power=power, floor=floor: to_decibel(x, power, reference, floor, top_db))(levels)
        np.testing.assert_allclose(result, expected, atol=1e-4)


def test_decibels_of_silence_are_finite_and_so_is_their_gradient():
    assert np.isfinite(to_decibel(jnp.zeros((4, 5)), reference=None)).all()
    assert np.isfinite(jax.grad(lambda x: to_decibel(x, reference=None).sum())(jnp.zeros((4, 5)))).all()
