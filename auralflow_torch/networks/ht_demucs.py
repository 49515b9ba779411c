"""HTDemucs: U-Nets over the spectrum and over the waveform, with a transformer between them."""

import torch
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.cross_transformer import CrossTransformer
from auralflow_torch.layers.demucs import DecoderLayer, EncoderLayer
from auralflow_torch.layers.spectrum_and_wave import estimate_both, smooth_table, tell_bins


class HTDemucs(nn.Module):
    """Two U-Nets that meet in a transformer (Rouard et al. 2022, "Hybrid transformers for music source separation").

    The one sees real and imaginary parts of the spectrum, one frame for each hop, and estimates spectra; the other sees
    the samples and estimates audio. A target is the sum of both. Inputs are normalised by mean and deviation, which the
    outputs get back. Several members, each such a network, are averaged with a weight for each target.

    Args:
        config: the settings.
        device: where the weights are made.
        settings: instead of `config`, some of its fields and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> network = HTDemucs(num_targets=3, num_fft=512, hidden_channels=8, depth=2, width=0, num_layers=1)
        >>> network(torch.rand(1, 2, 5000)).shape
        torch.Size([1, 3, 2, 5000])
    """

    def __init__(
        self, config: configuration.HTDemucs | None = None, device: str | torch.device | None = None, **settings
    ) -> None:
        super().__init__()
        self.config = config = config_or_keywords(configuration.HTDemucs, config, settings)
        if config.members > 1:
            self.member = nn.ModuleList([HTDemucs(config.member, device) for _ in range(config.members)])
        else:
            self.build(config, device)

    def build(self, config: configuration.HTDemucs, device: str | torch.device | None) -> None:
        """Makes the layers of a single member."""
        channels, targets, levels = config.num_channels, len(config.targets), config.levels
        widths = [level.features for level in levels]
        self.encoder, self.wave_encoder = (
            nn.ModuleList(
                [
                    EncoderLayer(inputs, level, over_bins, device)
                    for inputs, level in zip((first, *widths), levels, strict=False)
                ]
            )
            for first, over_bins in ((2 * channels, True), (channels, False))
        )
        self.decoder, self.wave_decoder = (
            nn.ModuleList(
                [
                    DecoderLayer(level, features, over_bins, index == 0, device)
                    for index, (level, features) in enumerate(zip(levels, (last, *widths), strict=False))
                ]
            )
            for last, over_bins in ((2 * channels * targets, True), (channels * targets, False))
        )
        if config.bin_embedding:
            self.bin_embedding = nn.Parameter(smooth_table(config.first_bins, widths[0], device))
        self.widen, self.wave_widen = (_resize(widths[-1], config.width, device) for _ in range(2))
        self.narrow, self.wave_narrow = (_resize(config.width, widths[-1], device) for _ in range(2))
        self.transformer = CrossTransformer(
            config.num_layers, config.transformer_width, config.heads, config.dropout_p, device
        )

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
        if self.config.members > 1:
            return self.average(x), None
        return estimate_both(x, self.config, self.branches), None

    def branches(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Both U-Nets, on (batch, numbers, bins, frames) and (batch, channels, samples)."""
        dtype = next(self.parameters()).dtype
        return self.decode(*self.encode(x.to(dtype), y.to(dtype)), y.shape[-1])

    def average(self, x: Tensor) -> Tensor:
        """The weighted mean of the members' estimates."""
        total = torch.zeros((), dtype=x.dtype, device=x.device)
        for member, shares in zip(self.member, self.config.member_weights, strict=True):
            if shares.any():
                # A single target has no axis.
                weights = torch.from_numpy(shares[:, None, None] if len(shares) > 1 else shares).to(x)
                total = total + weights * member(x)
        return total

    def encode(self, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs of all levels for (batch, numbers, bins, frames) and (batch, channels, samples)."""
        xs, ys = [], []
        for level, (layer, wave_layer) in enumerate(zip(self.encoder, self.wave_encoder, strict=True)):
            x, y = layer(x), wave_layer(y)
            if level == 0 and self.config.bin_embedding:
                x = tell_bins(x, self.bin_embedding, self.config.bin_embedding)
            xs.append(x)
            ys.append(y)
        return xs, ys

    def decode(self, xs: list[Tensor], ys: list[Tensor], samples: int) -> tuple[Tensor, Tensor]:
        """The numbers (batch, ..., bins, frames) and samples (batch, ..., samples) of all targets."""
        (x, y), lengths = self.transform(xs[-1], ys[-1]), [samples, *(skip.shape[-1] for skip in ys)]
        for level in reversed(range(self.config.depth)):
            x, _ = self.decoder[level](x, xs[level])
            y = self.wave_decoder[level](y, ys[level])[0][..., : lengths[level]]
        return x, y

    def transform(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The transformer, on (batch, channels, bins, frames) and (batch, channels, steps)."""
        bins_and_frames = x.shape[2:]
        x = self.widen(x.flatten(2)).unflatten(2, bins_and_frames)
        x, y = self.transformer(x, self.wave_widen(y))
        return self.narrow(x.flatten(2)).unflatten(2, bins_and_frames), self.wave_narrow(y)


def _resize(inputs: int, outputs: int, device: str | torch.device | None) -> nn.Module:
    """A change of (batch, inputs, steps) to as many outputs; nothing where one of both is 0."""
    if not inputs or not outputs:
        return nn.Identity()
    return initialize(nn.Conv1d(inputs, outputs, 1, device=device), inputs)
