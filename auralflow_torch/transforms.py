"""Audio to spectra, mel bands and decibels, and back, with the settings in one place."""

import functools

import numpy as np
import torch
from torch import Tensor

from auralflow_core.audio.check import check_layout, check_rate, check_signals
from auralflow_core.dsp.mel import mel_filterbank
from auralflow_core.dsp.windows import check_sizes
from auralflow_core.errors import InputError
from auralflow_torch import spectral
from auralflow_torch.layers.checks import check_counts, check_tensor
from auralflow_torch.optional import companion


class AudioTransform:
    """Transforms of audio (samples,), (channels, samples) or (batch, channels, samples), on the input's device.

    All are differentiable.

    Args:
        num_fft: length of each Fourier transform, in samples.
        hop_length: distance of neighbouring frames, in samples.
        window_size: length of the Hann window, in samples; at most `num_fft`.
        sample_rate: of the audio, in Hz.
        device: accepted and checked, but without effect: every method computes where its input is.
        num_mels: number of mel bands.

    Raises:
        InputError: sizes below 1 or out of order.

    Example:
        >>> transform = AudioTransform(num_fft=1024, hop_length=768, window_size=1024)
        >>> spectrum = transform.to_spectrogram(torch.rand(16, 1, 88200))
        >>> spectrum.shape, transform.to_audio(spectrum, samples=88200).shape
        (torch.Size([16, 1, 513, 116]), torch.Size([16, 1, 88200]))
    """

    def __init__(
        self,
        num_fft: int,
        hop_length: int,
        window_size: int,
        sample_rate: int = 44100,
        device: str | torch.device = "cpu",
        *,
        num_mels: int = 128,
    ) -> None:
        check_counts(num_fft=num_fft, hop_length=hop_length, window_size=window_size, num_mels=num_mels)
        check_sizes(num_fft, hop_length, window_size)
        self.num_fft, self.hop_length, self.window_size = num_fft, hop_length, window_size
        self.sample_rate, self.num_mels = check_rate(sample_rate, "sample_rate"), num_mels
        self.device = torch.device(device)

    def to_spectrogram(self, audio: Tensor, use_padding: bool = True) -> Tensor:
        """The short-time Fourier transform.

        Args:
            audio: (..., samples), at least one window and more than half a transform long; its ends are mirrored.
            use_padding: let `pad_audio` fill the last hop first, so that `to_audio` can give every sample back.

        Returns:
            Complex spectrum (..., bins, frames), `num_fft // 2 + 1` bins; the magnitude is its `abs`.

        Raises:
            InputError: audio of another shape or type.
        """
        audio = self.pad_audio(audio) if use_padding else self._checked(audio)
        return spectral.stft(audio, self.num_fft, self.hop_length, self.window_size)

    def to_audio(self, complex_spec: Tensor, samples: int | None = None) -> Tensor:
        """The inverse of `to_spectrogram`.

        Args:
            complex_spec: complex spectrum, (..., bins, frames).
            samples: length of the audio that the spectrum is of; default: up to the last frame's centre, which with
                padding is a whole number of hops.

        Returns:
            Audio, (..., samples).

        Raises:
            InputError: magnitudes, another number of bins, or frames that do not determine every sample.
        """
        check_tensor(complex_spec, "complex_spec")
        if not complex_spec.is_complex():
            raise InputError(f"to_audio needs a complex spectrum, got {complex_spec.dtype}; magnitudes have no phase")
        if samples is None:
            samples = (complex_spec.shape[-1] - 1) * self.hop_length
        return spectral.istft(complex_spec, self.num_fft, self.hop_length, self.window_size, samples)

    def to_mel_scale(self, spectrogram: Tensor, to_db: bool = True) -> Tensor:
        """Mel bands of magnitudes: triangles of height 1 on the HTK scale, as torchaudio's `MelScale` has them.

        Args:
            spectrogram: magnitudes, (..., bins, frames).
            to_db: in decibels, see `to_decibel`.

        Returns:
            (..., mels, frames).

        Raises:
            InputError: a complex spectrum, or another number of bins.
        """
        check_tensor(spectrogram, "spectrogram")
        bins = self.num_fft // 2 + 1
        if spectrogram.is_complex() or spectrogram.ndim < 2 or spectrogram.shape[-2] != bins:
            raise InputError(
                f"to_mel_scale needs magnitudes of shape (..., {bins} bins, frames), got "
                f"{tuple(spectrogram.shape)} of {spectrogram.dtype}; the magnitude of a complex spectrum "
                "is its abs()"
            )
        mel = spectral.to_mel(spectrogram, self._filterbank)
        return self.to_decibel(mel) if to_db else mel

    def audio_to_mel(self, audio: Tensor, to_db: bool = True) -> Tensor:
        """Mel bands (..., mels, frames) of audio (..., samples): `to_spectrogram`, magnitude, `to_mel_scale`."""
        return self.to_mel_scale(spectral.magnitude(self.to_spectrogram(audio)), to_db)

    def pad_audio(self, audio: Tensor) -> Tensor:
        """Appends zeros to (..., samples) up to a whole number of hops, and nothing to a whole number."""
        return spectral.pad_to_hop(self._checked(audio), self.hop_length)

    def to_decibel(self, spectrogram: Tensor, reference: float | None = None, top_db: float | None = 80.0) -> Tensor:
        """Magnitudes in decibels, each item of a batch by itself.

        Args:
            spectrogram: magnitudes (bins or mels, frames), (channels, ..., frames) or (batch, channels, ..., frames).
            reference: the magnitude that is 0 dB; None: the largest of the item.
            top_db: cut off what lies this far below the item's largest; None: nothing.

        Returns:
            The same shape, in dB.
        """
        item = (-3, -2, -1)[-min(spectrogram.ndim, 3) :]
        return spectral.to_decibel(spectrogram, reference=reference, top_db=top_db, axis=item)

    def resample(self, audio: Tensor, orig_rate: int, new_rate: int | None = None) -> Tensor:
        """Audio (..., samples) at another rate, by torchaudio, so that gradients pass through.

        Args:
            audio: at `orig_rate`.
            orig_rate: in Hz.
            new_rate: in Hz; default: the transform's `sample_rate`.

        Returns:
            `ceil(samples * new_rate / orig_rate)` samples.

        Raises:
            InputError: audio that is none (see `auralflow_core.audio.check`), or a rate that is no whole number.
            ImportError: torchaudio is missing or built for another torch; says what to install.
        """
        check_tensor(audio, "audio")
        check_signals(audio)
        orig_rate = check_rate(orig_rate, "orig_rate")
        new_rate = self.sample_rate if new_rate is None else check_rate(new_rate, "new_rate")
        functional = companion("torchaudio", "AudioTransform.resample").functional
        return functional.resample(audio, orig_rate, new_rate)

    @functools.cached_property
    def _filterbank(self) -> np.ndarray:
        return mel_filterbank(self.sample_rate, self.num_fft, self.num_mels, scale="htk", normalize=False)

    def _checked(self, audio: Tensor) -> Tensor:
        check_tensor(audio, "audio")
        if audio.ndim and audio.shape[-1] < self.window_size:
            raise InputError(
                f"audio must have at least one window of {self.window_size} samples in the last axis, got "
                f"{tuple(audio.shape)} of {audio.dtype}"
            )
        check_layout(audio, ranks=(1, 2, 3))
        return audio
