"""Mel filters."""

from typing import Literal

import numpy as np

from auralflow_core.errors import InputError


def mel_filterbank(
    sample_rate: int,
    num_fft: int,
    num_mels: int = 128,
    low: float = 0.0,
    high: float | None = None,
    scale: Literal["slaney", "htk"] = "slaney",
    normalize: bool = True,
) -> np.ndarray:
    """Triangular filters of equal width on the mel scale; each begins and ends at the peaks of its neighbours.

    Scales: Slaney, "Auditory Toolbox", 1998 (linear to 1 kHz, logarithmic above), or the HTK Book's
    2595 log10(1 + f / 700). The defaults are librosa's; torchaudio's are `scale="htk", normalize=False`.

    Args:
        sample_rate: in Hz.
        num_fft: length of the transform, in samples.
        num_mels: number of filters.
        low: lower end of the first filter, in Hz.
        high: upper end of the last filter, in Hz; default: half the sample rate.
        scale: the mel scale.
        normalize: give every filter the same area over frequency in Hz, instead of the same peak, 1.

    Returns:
        Weights (mels, bins), float32.
    """
    if scale not in ("slaney", "htk"):
        raise InputError(f"scale must be 'slaney' or 'htk', got {scale!r}")
    high = sample_rate / 2 if high is None else high
    to_mel_scale, to_hertz = (_slaney_mel, _slaney_hertz) if scale == "slaney" else (_htk_mel, _htk_hertz)
    feet = to_hertz(np.linspace(to_mel_scale(low), to_mel_scale(high), num_mels + 2))
    bins = np.arange(num_fft // 2 + 1) * (sample_rate / num_fft)
    distance = bins - feet[:, None]
    width = np.diff(feet)[:, None]
    filters = np.maximum(0, np.minimum(distance[:-2] / width[:-1], -distance[2:] / width[1:]))
    if normalize:
        filters *= 2 / (feet[2:] - feet[:-2])[:, None]
    return filters.astype(np.float32)


def _slaney_mel(hertz: float) -> float:
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)


def _slaney_hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def _htk_mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)


def _htk_hertz(mel: np.ndarray) -> np.ndarray:
    return 700 * (10 ** (mel / 2595) - 1)
