"""HDemucs: U-Nets over the spectrum and over the waveform, which become one in their deep levels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch.layers.demucs import DecoderLayer, EncoderLayer, Split, strided
from auralflow_torch.layers.spectrum_and_wave import estimate_both, smooth_table, tell_bins


class HDemucs(nn.Module):
    """Two U-Nets that meet (Défossez 2021, "Hybrid spectrogram and waveform source separation").

    The one sees real and imaginary parts of the spectrum, one frame for each hop, and estimates spectra; the other sees
    the samples and estimates audio. A target is the sum of both. Where the bins of the one have become a single one,
    steps and frames are the same; the outputs of both are added, and further levels follow. Decoders begin with the
    skip connections alone.

    Args:
        config: the settings.
        device: where the weights are made.
        settings: instead of `config`, some of its fields and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> network = HDemucs(num_targets=3, num_fft=256, hidden_channels=16, depth=4)
        >>> network(torch.rand(1, 2, 5000)).shape
        torch.Size([1, 3, 2, 5000])
    """

    def __init__(
        self, config: configuration.HDemucs | None = None, device: str | torch.device | None = None, **settings
    ) -> None:
        super().__init__()
        self.config = config = config_or_keywords(configuration.HDemucs, config, settings)
        channels, targets, levels, joint = config.num_channels, len(config.targets), config.levels, config.joint
        widths = [level.features for level in levels]
        self.encoder, self.wave_encoder = (
            nn.ModuleList(
                [
                    EncoderLayer(inputs, level, over_bins and index <= joint, device)
                    for index, (inputs, level) in enumerate(zip((first, *widths), levels[:count], strict=False))
                ]
            )
            for first, over_bins, count in ((2 * channels, True, config.depth), (channels, False, joint))
        )
        self.decoder, self.wave_decoder = (
            nn.ModuleList(
                [
                    DecoderLayer(level, features, over_bins and index <= joint, index == 0, device)
                    for index, (level, features) in enumerate(zip(levels[:count], (last, *widths), strict=False))
                ]
            )
            for last, over_bins, count in (
                (2 * channels * targets, True, config.depth),
                (channels * targets, False, joint),
            )
        )
        self.wave_join = strided(widths[joint - 1], levels[joint], False, device)
        self.wave_split = Split(levels[joint], widths[joint - 1], device)
        if config.bin_embedding:
            self.bin_embedding = nn.Parameter(smooth_table(config.first_bins, widths[0], device))

    def forward(self, x: Tensor) -> Tensor:
        """Estimates waveforms.

        Args:
            x: mixtures, (batch, channels, samples), of any length.

        Returns:
            Audio of the same shape; with several targets (batch, targets, channels, samples).
        """
        return self.estimate(x)[0]

    def estimate(self, x: Tensor, noise: None = None) -> tuple[Tensor, None]:
        """The waveforms, and None in the place of a latent variable."""
        return estimate_both(x, self.config, self.branches), None

    def branches(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Both U-Nets, on (batch, numbers, bins, frames) and (batch, channels, samples)."""
        dtype = next(self.parameters()).dtype
        return self.decode(*self.encode(x.to(dtype), y.to(dtype)), y.shape[-1])

    def encode(self, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs of all levels for (batch, numbers, bins, frames) and (batch, channels, samples)."""
        joint, xs, ys = self.config.joint, [], []
        for layer in self.wave_encoder:
            y = layer(y)
            ys.append(y)
        stride = self.config.levels[joint].stride
        added = self.wave_join(F.pad(y, (0, -y.shape[-1] % stride))).unsqueeze(2)
        for index, layer in enumerate(self.encoder):
            x = layer(x, added if index == joint else None)
            if index == 0 and self.config.bin_embedding:
                x = tell_bins(x, self.bin_embedding, self.config.bin_embedding)
            xs.append(x)
            if index == joint:
                x = x.squeeze(2)
        return xs, ys

    def decode(self, xs: list[Tensor], ys: list[Tensor], samples: int) -> tuple[Tensor, Tensor]:
        """The numbers (batch, ..., bins, frames) and samples (batch, ..., samples) of all targets."""
        joint, x = self.config.joint, torch.zeros_like(xs[-1])
        for index in reversed(range(joint, self.config.depth)):
            x, inner = self.decoder[index](x[..., : xs[index].shape[-1]].reshape(xs[index].shape), xs[index])
        y = self.wave_split(inner.squeeze(2))
        lengths = [samples, *(skip.shape[-1] for skip in ys)]
        for index in reversed(range(joint)):
            x, _ = self.decoder[index](x, xs[index])
            y, _ = self.wave_decoder[index](y[..., : lengths[index + 1]], ys[index])
        return x, y[..., :samples]
