"""Around two networks, of which one sees the spectrum and one the samples."""

from collections.abc import Callable

import torch
from torch import Tensor

from auralflow_core.config.networks.demucs import DemucsConfig
from auralflow_torch.layers.checks import AUDIO, check_input
from auralflow_torch.layers.hop_frames import analyze_hops, synthesize_hops

SILENT = 1e-5  # added to the deviation that an input is divided by
GAIN = 10.0  # of the table of bins, so that it learns quicker than the other weights


def estimate_both(
    mixture: Tensor, config: DemucsConfig, branches: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
) -> Tensor:
    """The sum of what a spectrum's network and a waveform's network estimate.

    Both inputs are normalised by mean and deviation, which the outputs get back.

    Args:
        mixture: (batch, channels, samples), of any length.
        config: of the networks.
        branches: maps (batch, numbers, bins, frames), each channel's real and imaginary part, and (batch, channels,
            samples) to the same of all targets.

    Returns:
        Audio (batch, targets, channels, samples); of a single target the mixture's shape.
    """
    targets, channels = len(config.targets), config.num_channels
    check_input(mixture, "the network's input", AUDIO, channels)
    audio, samples = mixture.to(torch.promote_types(mixture.dtype, torch.float32)), mixture.shape[-1]
    spectrum = analyze_hops(audio, config.num_fft)
    parts, mean, deviation = normalize(torch.stack([spectrum.real, spectrum.imag], dim=2).flatten(1, 2))
    wave, wave_mean, wave_deviation = normalize(audio)
    spectra, waves = branches(parts, wave)

    spectra = (spectra * deviation + mean).unflatten(1, (targets, channels, 2))
    estimate = synthesize_hops(torch.complex(spectra[:, :, :, 0], spectra[:, :, :, 1]), samples)
    estimate = estimate + (waves * wave_deviation + wave_mean).unflatten(1, (targets, channels))
    return estimate.squeeze(1) if targets == 1 else estimate


def normalize(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each example of (batch, ...) without its mean, divided by its deviation; then these two."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axes, keepdim=True)
    variance = (x - mean).square().sum(axes, keepdim=True) / max(x[0].numel() - 1, 1)
    silent = variance == 0  # where the root would have no gradient
    deviation = torch.where(silent, 0, torch.where(silent, 1, variance).sqrt())
    return (x - mean) / (deviation + SILENT), mean, deviation


def tell_bins(x: Tensor, table: Tensor, weight: float) -> Tensor:
    """(batch, channels, bins, frames) with a table (bins, channels) added."""
    return x + weight * GAIN * table.T.unsqueeze(-1)


def smooth_table(rows: int, features: int, device: str | torch.device | None) -> Tensor:
    """Rows of variance GAIN ** -2 that differ little from the ones before them: a random walk, levelled."""
    steps = torch.arange(1, rows + 1, device=device).unsqueeze(1)
    return torch.randn(rows, features, device=device).cumsum(0) / steps.sqrt() / GAIN
