import importlib
import math

import librosa
import numpy as np
import pytest
import scipy.signal
import torch

from auralflow_core.errors import InputError
from auralflow_torch.transforms import AudioTransform

RATE = 44100


@pytest.fixture
def transform():
    return AudioTransform(num_fft=1024, hop_length=768, window_size=1024, sample_rate=RATE)


@pytest.fixture
def torchaudio():
    try:
        return importlib.import_module("torchaudio")
    except (ImportError, OSError, RuntimeError) as error:
        pytest.skip(f"torchaudio cannot be imported: {str(error).splitlines()[0]}")


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def by_item(function, levels):
    return np.stack([function(item.numpy()) for item in levels])


@pytest.mark.parametrize("shape", [(5000,), (2, 4608), (3, 2, 5001)])
def test_every_shape_of_audio_goes_there_and_back(transform, shape):
    audio = noise(*shape)
    spectrum = transform.to_spectrogram(audio)
    filled = np.pad(audio.numpy(), [(0, 0)] * (len(shape) - 1) + [(0, -shape[-1] % 768)])
    expected = librosa.stft(filled, n_fft=1024, hop_length=768, pad_mode="reflect")
    assert spectrum.shape == expected.shape and spectrum.dtype == torch.complex64
    np.testing.assert_allclose(spectrum, expected, atol=1e-5 * np.abs(expected).max())
    torch.testing.assert_close(transform.to_audio(spectrum, samples=shape[-1]), audio, rtol=0, atol=1e-5)
    torch.testing.assert_close(transform.to_audio(spectrum), torch.from_numpy(filled), rtol=0, atol=1e-5)


def test_only_a_broken_hop_is_filled(transform):
    assert transform.pad_audio(noise(2, 768 * 3)).shape == (2, 768 * 3)
    padded = transform.pad_audio(noise(2, 768 * 3 + 1))
    assert padded.shape == (2, 768 * 4) and not padded[:, 768 * 3 + 1 :].any()


def test_without_padding_the_spectrum_is_that_of_the_audio_as_it_is(transform):
    audio = noise(2, 5000)
    expected = librosa.stft(audio.numpy(), n_fft=1024, hop_length=768, pad_mode="reflect")
    spectrum = transform.to_spectrogram(audio, use_padding=False)
    np.testing.assert_allclose(spectrum, expected, atol=1e-5 * np.abs(expected).max())
    torch.testing.assert_close(transform.to_audio(spectrum), audio[:, :4608], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (torch.rand(16, 88200, 1), r"at least one window of 1024 samples in the last axis, got \(16, 88200, 1\)"),
        (torch.rand(1023), r"at least one window of 1024 samples in the last axis, got \(1023,\)"),
        (torch.rand(2, 1, 2, 5000), r"audio must be floating point, \(samples,\) or .*, got float32 of shape"),
        (torch.tensor(0.5), r"audio must be floating point, .*, got float32 of shape \(\)"),
        (torch.zeros(2, 5000, dtype=torch.int16), "audio must be floating point, .*; audio / 32768 brings"),
        (torch.rand(5000, 2000), "would be 5000 channels of 2000 samples.*transpose it"),
    ],
)
def test_what_is_no_audio_is_refused_in_words(transform, audio, words):
    for method in (transform.to_spectrogram, transform.audio_to_mel, transform.pad_audio):
        with pytest.raises(InputError, match=words):
            method(audio)


def test_what_cannot_be_inverted_is_refused_in_words(transform):
    spectrum = transform.to_spectrogram(noise(2, 5000))
    with pytest.raises(InputError, match="needs a complex spectrum, got torch.float32"):
        transform.to_audio(spectrum.abs())
    with pytest.raises(InputError, match=r"513 bins, frames\), got \(2, 512, 8\)"):
        transform.to_audio(spectrum[:, :512])
    with pytest.raises(InputError, match="undetermined"):
        transform.to_audio(spectrum, samples=9000)
    with pytest.raises(InputError, match="undetermined"):
        AudioTransform(1024, 1024, 1024).to_audio(spectrum)
    with pytest.raises(InputError, match="num_fft >= window_size"):
        AudioTransform(1024, 256, 2048)


def decibels(item):
    """Levels relative to the largest one of all channels, at most 80 dB below it."""
    level = 20 * np.log10(np.maximum(item, 1e-5) / np.maximum(item.max(), 1e-5))
    return np.maximum(level, level.max() - 80)


def test_mel_bands_are_librosas_on_the_htk_scale(transform):
    audio = noise(3, 2, 5000)
    filters = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=128, htk=True, norm=None)
    bands = filters @ transform.to_spectrogram(audio).abs().numpy()
    magnitude = transform.to_spectrogram(audio).abs()
    np.testing.assert_allclose(transform.to_mel_scale(magnitude, to_db=False), bands, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(transform.audio_to_mel(audio, to_db=False), bands, rtol=1e-4, atol=1e-4)
    level = np.stack([decibels(item) for item in bands])
    np.testing.assert_allclose(transform.audio_to_mel(audio), level, atol=1e-2)
    assert AudioTransform(1024, 256, 1024, num_mels=40).audio_to_mel(audio).shape == (3, 2, 40, 21)
    with pytest.raises(InputError, match=r"magnitudes of shape \(..., 513 bins, frames\), got .*complex64"):
        transform.to_mel_scale(transform.to_spectrogram(audio))
    with pytest.raises(InputError, match=r"got \(3, 2, 512, 8\)"):
        transform.to_mel_scale(magnitude[:, :, :512])


def test_decibels_are_told_from_each_items_own_maximum(transform):
    levels = 10 ** (2 * noise(3, 2, 20, 30)) * torch.tensor([1, 1e-3, 0])[:, None, None, None]
    levels[:, 1] *= 0.1  # channels of one item keep their difference
    expected = by_item(decibels, levels)
    result = transform.to_decibel(levels)
    np.testing.assert_allclose(result, expected, atol=1e-4)
    assert result[0].max() == result[1].max() == 0 and result.isfinite().all()
    for index, item in enumerate(levels):  # alone or among others
        torch.testing.assert_close(transform.to_decibel(item), result[index])
    np.testing.assert_allclose(
        transform.to_decibel(levels, reference=0.5, top_db=None),
        20 * np.log10(np.maximum(levels.numpy(), 1e-5) / 0.5),
        atol=1e-4,
    )
    np.testing.assert_allclose(
        transform.to_decibel(levels[0, 0]), librosa.amplitude_to_db(levels[0, 0].numpy(), ref=np.max), atol=1e-4
    )


def test_gradients_pass_through_and_are_finite_for_silence(transform):
    for start in (noise(2, 1, 3000), torch.zeros(2, 1, 3000)):
        audio = start.requires_grad_()
        spectrum = transform.to_spectrogram(audio)
        (transform.audio_to_mel(audio).sum() + transform.to_audio(spectrum).square().sum()).backward()
        assert audio.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_double_precision_is_kept_and_half_widened(transform, dtype):
    wide = torch.promote_types(dtype, torch.float32)
    audio = noise(1, 3000).to(dtype)
    assert transform.audio_to_mel(audio).dtype == wide
    assert transform.to_audio(transform.to_spectrogram(audio)).dtype == wide


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_it_follows_its_inputs_device(transform):
    audio = noise(2, 1, 88200).to("cuda")
    there = transform.audio_to_mel(audio)
    assert there.device == audio.device and transform.to_audio(transform.to_spectrogram(audio)).device == audio.device
    torch.testing.assert_close(there.cpu(), transform.audio_to_mel(audio.cpu()), rtol=0, atol=1e-2)


def test_nothing_is_computed_on_the_device_that_the_constructor_names():
    # Tensors of the meta device have no values; one that met a constant elsewhere would raise.
    transform, audio = AudioTransform(1024, 256, 1024, device="meta"), noise(1, 3000)
    assert transform.audio_to_mel(audio).device.type == transform.to_spectrogram(audio).device.type == "cpu"
    with pytest.raises(RuntimeError):
        AudioTransform(1024, 256, 1024, device="abacus")


def test_mel_bands_and_decibels_agree_with_torchaudio(torchaudio):
    transform = AudioTransform(1024, 768, 1024, num_mels=60)  # of 128, some would hold no bin, and torchaudio warns
    magnitude = transform.to_spectrogram(noise(3, 2, 9000)).abs()
    expected = torchaudio.transforms.MelScale(n_mels=60, sample_rate=RATE, n_stft=513)(magnitude)
    torch.testing.assert_close(transform.to_mel_scale(magnitude, to_db=False), expected, rtol=1e-4, atol=1e-4)
    level = torchaudio.functional.amplitude_to_DB(magnitude, multiplier=20, amin=1e-5, db_multiplier=0, top_db=80)
    torch.testing.assert_close(transform.to_decibel(magnitude, reference=1.0), level, rtol=0, atol=1e-3)
    spectrum = torchaudio.transforms.Spectrogram(1024, 1024, 768, power=None)(noise(2, 768 * 9))
    torch.testing.assert_close(transform.to_spectrogram(noise(2, 768 * 9)), spectrum, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("torchaudio")
def test_resampling_is_right_and_has_the_slope_of_its_transpose():
    transform = AudioTransform(1024, 256, 1024, sample_rate=16000)
    seconds = np.arange(22050) / 22050
    tone = np.sin(2 * np.pi * 440 * seconds) * scipy.signal.windows.hann(22050)  # pyright: ignore[reportAttributeAccessIssue]
    audio = torch.from_numpy(tone)[None, None].requires_grad_()
    result = transform.resample(audio, 22050)
    assert result.shape == (1, 1, 16000)
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000) * scipy.signal.windows.hann(16000)  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(result.detach()[0, 0], expected, atol=2e-3)
    assert transform.resample(audio, 22050, 8000).shape == (1, 1, 8000)
    assert transform.resample(audio[..., :1000], 44100, 16000).shape[-1] == math.ceil(1000 * 16000 / 44100)
    # It is linear: <R x, y> = <x, R' y>, and the gradient of the left is R' y.
    other = noise(1, 1, 16000).double()
    (result * other).sum().backward()
    torch.testing.assert_close((audio.grad * audio).sum(), (result * other).sum(), rtol=1e-10, atol=0)


def test_without_torchaudio_it_says_what_to_install(transform, monkeypatch):
    def missing(package):
        raise OSError("libcudart.so.13: cannot open shared object file\nmore")

    monkeypatch.setattr("auralflow_torch.optional.importlib.import_module", missing)
    with pytest.raises(
        ImportError,
        match=r"AudioTransform.resample needs torchaudio in a build for torch \d.*"
        r"pip install torchaudio \(for CPU: --index-url .*whl/cpu\).*libcudart",
    ):
        transform.resample(noise(2, 5000), 22050)
