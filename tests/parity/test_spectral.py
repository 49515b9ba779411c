"""Spectra in both packages, against librosa in float64, and the packages against each other."""

from functools import partial

import librosa
import numpy as np
import pytest

from auralflow_core.dsp.mel import mel_filterbank
from auralflow_core.errors import InputError

# (num_fft, hop_length, window_size): the usual ones, hops that divide nothing, short windows, odd transforms.
SIZES = [
    (2048, 768, 2048),
    (2048, 512, 2048),
    (1024, 768, 1024),
    (1024, 120, 600),
    (512, 50, 240),
    (512, 333, 400),
    (513, 128, 513),
    (64, 7, 33),
]
SHAPE = (3, 2, 4999)  # batch, channels, samples


def noise(shape, seed=0, dtype: type = np.float32):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(dtype)


def sizes_of(num_fft, hop_length, window_size):
    return {"num_fft": num_fft, "hop_length": hop_length, "window_size": window_size}


def librosa_stft(audio, num_fft, hop, window_size, padding="reflect"):
    return librosa.stft(
        audio.astype(np.float64), n_fft=num_fft, hop_length=hop, win_length=window_size, pad_mode=padding
    )


def librosa_istft(spectrum, num_fft, hop, window_size, samples):
    return librosa.istft(
        spectrum.astype(np.complex128), n_fft=num_fft, hop_length=hop, win_length=window_size, length=samples
    )


def relative(value, expected):
    assert value.shape == expected.shape
    return np.abs(value - expected).max() / np.abs(expected).max()


@pytest.fixture
def stft(backend):
    return partial(backend.run, backend.spectral.stft)


@pytest.fixture
def istft(backend):
    return partial(backend.run, backend.spectral.istft)


@pytest.fixture
def pad_to_hop(backend):
    return partial(backend.run, backend.spectral.pad_to_hop)


@pytest.mark.parametrize("sizes", SIZES)
def test_both_directions_agree_with_librosa_and_invert_each_other(stft, istft, pad_to_hop, sizes):
    audio, hop, named = noise(SHAPE), sizes[1], sizes_of(*sizes)
    expected = librosa_stft(audio, *sizes)
    spectrum = stft(audio, **named)
    assert spectrum.dtype == np.complex64 and relative(spectrum, expected) <= 1e-5

    # A changed spectrum is no signal's: what comes back depends on every detail of the inverse.
    changed = (expected * noise(expected.shape, 1)).astype(np.complex64)
    covered = (expected.shape[-1] - 1) * hop  # up to the last frame's centre
    assert relative(istft(changed, **named, samples=covered), librosa_istft(changed, *sizes, covered)) <= 1e-5

    back = istft(stft(pad_to_hop(audio, hop_length=hop), **named), **named, samples=SHAPE[-1])
    assert back.shape == SHAPE and back.dtype == np.float32
    assert np.sqrt(np.mean((back - audio) ** 2)) < 1e-6


@pytest.mark.parametrize("samples", [2049, 4607, 4608, 4609, 44099])
def test_a_hop_that_divides_nothing_inverts_to_the_last_sample_without_padding(stft, istft, samples):
    audio, named = noise((2, samples)), sizes_of(2048, 768, 2048)
    spectrum = stft(audio, **named)
    assert spectrum.shape == (2, 1025, 1 + samples // 768)
    np.testing.assert_allclose(istft(spectrum, **named, samples=samples), audio, atol=3e-6)


def test_only_a_broken_hop_is_filled(pad_to_hop):
    for samples, filled in ((767, 768), (768, 768), (769, 1536)):
        audio = noise((2, 1, samples))
        np.testing.assert_array_equal(
            pad_to_hop(audio, hop_length=768), np.pad(audio, [(0, 0), (0, 0), (0, filled - samples)])
        )


def test_zero_padding_agrees_with_librosa_also_for_less_than_a_window(stft):
    for samples in (1, 100, 3000):
        audio = noise((1, samples))
        padded = np.pad(audio, [(0, 0), (256, 256)])
        expected = librosa.stft(padded.astype(np.float64), n_fft=512, hop_length=200, center=False)
        assert relative(stft(audio, **sizes_of(512, 200, 512), padding="constant"), expected) <= 1e-5


def test_double_precision_passes_through(stft, istft):
    audio, sizes = noise((2, 3000), dtype=np.float64), (512, 200, 400)
    spectrum = stft(audio, **sizes_of(*sizes))
    np.testing.assert_allclose(spectrum, librosa_stft(audio, *sizes), atol=1e-11)
    np.testing.assert_allclose(istft(spectrum, **sizes_of(*sizes), samples=3000), audio, atol=1e-12)


def test_lower_precision_is_computed_in_float32(backend):
    function = partial(backend.spectral.stft, **sizes_of(256, 100, 256))
    assert backend.dtype(function, np.ones((1, 600), np.float32), dtype="bfloat16") == "complex64"


@pytest.mark.usefixtures("real_times_complex")
def test_the_gradient_is_the_slope_and_none_at_silence(backend):
    sizes, audio, way = (256, 100, 200), noise((2, 1000), 0, np.float64), 1e-6 * noise((2, 1000), 1, np.float64)
    weight = noise((2, 129, 11), 2, np.float64)

    def filtered(audio, weight):
        spectrum = backend.spectral.stft(audio, *sizes)
        magnitude, back = backend.spectral.magnitude(spectrum), backend.spectral.istft(spectrum * weight, *sizes, 1000)
        return (magnitude * weight).sum() + (back**2).sum()

    def by_librosa(audio):
        spectrum = librosa_stft(audio, *sizes)
        return (np.abs(spectrum) * weight).sum() + (librosa_istft(spectrum * weight, *sizes, 1000) ** 2).sum()

    slope = (backend.gradients(filtered, audio, weight)[0] * way).sum()
    np.testing.assert_allclose(slope, by_librosa(audio + way / 2) - by_librosa(audio - way / 2), rtol=1e-5)
    np.testing.assert_array_equal(backend.gradients(filtered, np.zeros_like(audio), weight)[0], 0)


@pytest.mark.usefixtures("real_times_complex")
def test_the_magnitude_has_the_gradient_of_a_norm_and_none_at_zero(backend):
    spectrum = np.array([3 + 4j, 0, -2j], np.complex64)
    np.testing.assert_allclose(backend.run(backend.spectral.magnitude, spectrum), [5, 0, 2])
    gradient = backend.gradients(
        lambda real, imag: backend.spectral.magnitude(real + 1j * imag), spectrum.real.copy(), spectrum.imag.copy()
    )
    np.testing.assert_allclose(gradient, [[0.6, 0, 0], [0.8, 0, -1]], atol=1e-6)


def test_what_cannot_be_transformed_is_refused_in_words(stft, istft):
    usual = sizes_of(2048, 768, 2048)
    with pytest.raises(ValueError, match=r"needs more samples than that, got audio of shape \(16, 88200, 1\)"):
        stft(np.zeros((16, 88200, 1), np.float32), **usual)
    with pytest.raises(ValueError, match=r"1024 needs more samples than that, got audio of shape \(1024,\)"):
        stft(np.zeros(1024, np.float32), **usual)
    with pytest.raises(ValueError, match=r"shape \(..., samples\) with samples, got \(2, 0\)"):
        stft(np.zeros((2, 0), np.float32), **usual)
    with pytest.raises(ValueError, match="window_size 4096"):
        stft(np.zeros(9000, np.float32), **sizes_of(2048, 768, 4096))
    with pytest.raises(ValueError, match="'reflect' or 'constant', got 'edge'"):
        stft(np.zeros(9000, np.float32), **usual, padding="edge")
    with pytest.raises(ValueError, match=r"1025 bins, frames\), got \(2, 1024, 10\)"):
        istft(np.zeros((2, 1024, 10), np.complex64), **usual, samples=7000)


def test_samples_that_no_frame_determines_are_refused_not_invented(istft):
    def back(samples, frames, hop):
        return istft(np.zeros((257, frames), np.complex64), **sizes_of(512, hop, 512), samples=samples)

    # Periodic Hann windows side by side: the first two and the last sample of each are as good as zero.
    with pytest.raises(ValueError, match="undetermined"):
        back(2000, 5, 512)
    with pytest.raises(ValueError, match="undetermined"):  # windows apart
        back(1000, 5, 600)
    with pytest.raises(ValueError, match="144 of 2000 samples undetermined"):  # frames end at 1600 + 256
        back(2000, 5, 400)
    assert back(2000, 6, 400).shape == (2000,)


def test_mel_bands_agree_with_librosa(backend, stft):
    audio = noise((2, 8000))
    spectrum = stft(audio, **sizes_of(1024, 256, 1024), padding="constant")
    bands = backend.run(backend.spectral.to_mel, np.abs(spectrum) ** 2, filterbank=mel_filterbank(22050, 1024, 64))
    expected = librosa.feature.melspectrogram(y=audio, sr=22050, n_fft=1024, hop_length=256, n_mels=64)
    assert bands.shape == (2, 64, 32)
    assert relative(bands, expected) <= 1e-4


@pytest.mark.parametrize("reference", [1.0, 0.3, None])
@pytest.mark.parametrize("top_db", [80.0, None])
def test_decibels_agree_with_librosa_item_by_item(backend, reference, top_db):
    levels = 10 ** noise((3, 20, 30), 2) ** 3 * np.float32([1, 1e-3, 1e-7])[:, None, None]
    levels[0, :3] = 0
    for power, function, floor in ((False, librosa.amplitude_to_db, 1e-5), (True, librosa.power_to_db, 1e-10)):
        expected = [function(item, ref=reference or np.max, amin=floor, top_db=top_db) for item in levels]
        result = backend.run(
            backend.spectral.to_decibel, levels, power=power, reference=reference, floor=floor, top_db=top_db
        )
        np.testing.assert_allclose(result, expected, atol=1e-4)


def test_decibels_of_silence_are_finite_and_so_is_their_gradient(backend):
    silence = np.zeros((4, 5), np.float32)
    assert np.isfinite(backend.run(backend.spectral.to_decibel, silence, reference=None)).all()
    assert np.isfinite(backend.gradients(backend.spectral.to_decibel, silence, reference=None)[0]).all()


@pytest.mark.usefixtures("real_times_complex")
@pytest.mark.parametrize("sizes", SIZES[::2])
def test_both_packages_agree_in_float64(backends, sizes):
    audio, hop = noise((2, 2, 4999), dtype=np.float64), sizes[1]
    frames = len(range(0, 5000 + hop, hop))

    def sides(backend):
        def filtered(audio, weight):
            spectrum = backend.spectral.stft(backend.spectral.pad_to_hop(audio, hop), *sizes)
            masked = spectrum * backend.spectral.magnitude(spectrum) * weight[None, None, :, : spectrum.shape[-1]]
            return backend.spectral.istft(masked, *sizes, 4999)

        return backend.run(filtered, audio, weight), *backend.gradients(filtered, audio, weight)

    weight = noise((sizes[0] // 2 + 1, frames), 1, np.float64)
    for ours, theirs in zip(*map(sides, backends), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * np.abs(theirs).max())


@pytest.mark.parametrize("sizes", [(256, 64, 256), (256, 100, 200)])
def test_a_window_of_ones_is_librosas_boxcar(stft, istft, sizes):
    audio, (num_fft, hop, window_size) = noise((2, 999)), sizes
    expected = librosa.stft(
        audio.astype(np.float64),
        n_fft=num_fft,
        hop_length=hop,
        win_length=window_size,
        window="boxcar",
        pad_mode="reflect",
    )
    spectrum = stft(audio, **sizes_of(*sizes), window="ones")
    assert relative(spectrum, expected) < 1e-6
    again = istft(spectrum, **sizes_of(*sizes), samples=900, window="ones")
    assert relative(again, audio[:, :900]) < 1e-5
    with pytest.raises(InputError, match="window must be 'hann' or 'ones', got 'hamming'"):
        stft(audio, **sizes_of(*sizes), window="hamming")
