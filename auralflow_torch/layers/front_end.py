"""The STFT before a network from magnitudes to masks, and the completion of its masks."""

import torch
import torch.nn.functional as F
from torch import Tensor

from auralflow_core.config import SpectrogramConfig, StftConfig
from auralflow_torch import spectral


def analyze(audio: Tensor, front_end: StftConfig) -> Tensor:
    """The complex spectrum (..., bins, frames) of audio (..., samples), padded to as many hops as the network takes.

    Args:
        audio: at the model's rate.
        front_end: the settings of the STFT.
    """
    hop = front_end.hop_length
    zeros = front_end.count_hops(audio.shape[-1]) * hop - audio.shape[-1]
    audio = F.pad(audio, (0, zeros))
    return spectral.stft(audio, front_end.num_fft, hop, front_end.window_size, front_end.padding, front_end.window_kind)


def synthesize(spectrum: Tensor, samples: int, front_end: StftConfig) -> Tensor:
    """The inverse of `analyze`, for audio of `samples` samples."""
    return spectral.istft(
        spectrum, front_end.num_fft, front_end.hop_length, front_end.window_size, samples, front_end.window_kind
    )


def complete(mask: Tensor, bins: int, front_end: SpectrogramConfig) -> Tensor:
    """A network's masks (batch, targets, channels, lowest bins, frames), joined and continued up to `bins`."""
    return extend(join(mask, front_end.joiner), bins, front_end.high_bins)


def join(mask: Tensor, joiner: str) -> Tensor:
    """Lets the targets' masks (batch, targets, channels, bins, frames) meet: as they are, softmax, power ratio."""
    if joiner == "softmax":
        return mask.softmax(dim=1)
    if joiner == "ratio":
        power = mask.square()
        # 1e-10 as in a Wiener filter: where no target claims a bin, none gets it.
        return power / (power.sum(1, keepdim=True) + 1e-10)
    return mask


def extend(mask: Tensor, bins: int, high_bins: str) -> Tensor:
    """Continues a mask (..., bins, frames) upwards to `bins`: with zeros, its last bin, or its mean over bins."""
    *shape, seen, frames = mask.shape
    if high_bins == "zeros":
        above = mask.new_zeros(())
    elif high_bins == "last":
        above = mask[..., -1:, :]
    else:
        above = mask.mean(-2, keepdim=True)
    return torch.cat([mask, above.expand(*shape, bins - seen, frames)], dim=-2)
