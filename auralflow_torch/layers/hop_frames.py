"""Spectra with one frame for each hop, in the middle of it, so that strided convolutions of samples keep step."""

import torch.nn.functional as F
from torch import Tensor

from auralflow_torch.spectral import istft, stft

OUTSIDE = 2  # frames of `stft` at each end whose middle lies in the padding


def analyze_hops(audio: Tensor, num_fft: int) -> Tensor:
    """The spectrum of each hop, a quarter of the transform, without the bin of half the rate.

    The signal is mirrored at both ends; one that is too short for it is continued by zeros first.

    Args:
        audio: (batch, channels, samples).
        num_fft: samples of a transform and its window, a multiple of 8.

    Returns:
        Complex (batch, channels, num_fft / 2 bins, frames), times num_fft ** -0.5, with samples / hop frames, rounded
        up.
    """
    hop, samples = num_fft // 4, audio.shape[-1]
    left, right = 3 * hop // 2, 3 * hop // 2 + -samples % hop
    zeros = max(0, right + 1 - samples)
    audio = F.pad(F.pad(audio, (0, zeros)), (left, right - zeros), mode="reflect")
    return stft(audio, num_fft, hop, num_fft)[..., :-1, OUTSIDE:-OUTSIDE] * num_fft**-0.5


def synthesize_hops(spectrum: Tensor, samples: int) -> Tensor:
    """The inverse of `analyze_hops`, for audio of `samples` samples."""
    bins, frames = spectrum.shape[-2:]
    num_fft, hop = 2 * bins, bins // 2
    audio = istft(F.pad(spectrum, (OUTSIDE, OUTSIDE, 0, 1)), num_fft, hop, num_fft, frames * hop + 3 * hop)
    return audio[..., 3 * hop // 2 :][..., :samples] * num_fft**0.5
