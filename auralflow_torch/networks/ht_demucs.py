"""HTDemucs: U-Nets over the spectrum and over the waveform, with a transformer between them."""

import torch
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch.layers.checks import AUDIO, check_input
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.cross_transformer import CrossTransformer
from auralflow_torch.layers.demucs import DecoderLayer, EncoderLayer
from auralflow_torch.layers.hop_frames import analyze_hops, synthesize_hops

SILENT = 1e-5  # added to the deviation that an input is divided by
GAIN = 10.0  # of the table of bins, so that it learns quicker than the other weights


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
        self.encoder, self.wave_encoder = (
            nn.ModuleList(
                [
                    EncoderLayer(inputs, features, config.compression, config.residual_depth, over_bins, device)
                    for inputs, features in zip((first, *levels), levels, strict=False)
                ]
            )
            for first, over_bins in ((2 * channels, True), (channels, False))
        )
        depth = config.residual_depth if config.residuals == "both" else 0
        self.decoder, self.wave_decoder = (
            nn.ModuleList(
                [
                    DecoderLayer(inputs, features, config.compression, depth, over_bins, level == 0, device)
                    for level, (inputs, features) in enumerate(zip(levels, (last, *levels), strict=False))
                ]
            )
            for last, over_bins in ((2 * channels * targets, True), (channels * targets, False))
        )
        if config.bin_embedding:
            self.bin_embedding = nn.Parameter(smooth_table(config.first_bins, levels[0], device))
        self.widen, self.wave_widen = (_resize(levels[-1], config.width, device) for _ in range(2))
        self.narrow, self.wave_narrow = (_resize(config.width, levels[-1], device) for _ in range(2))
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
        config, targets, dtype = self.config, len(self.config.targets), next(self.parameters()).dtype
        check_input(x, "the network's input", AUDIO, config.num_channels)
        audio, samples = x.to(torch.promote_types(x.dtype, torch.float32)), x.shape[-1]
        spectrum = analyze_hops(audio, config.num_fft)
        # to (batch, numbers, bins, frames): each channel's real and imaginary part
        parts, mean, deviation = normalize(torch.stack([spectrum.real, spectrum.imag], dim=2).flatten(1, 2))
        wave, wave_mean, wave_deviation = normalize(audio)
        spectra, waves = self.decode(*self.encode(parts.to(dtype), wave.to(dtype)), samples)

        spectra = (spectra * deviation + mean).unflatten(1, (targets, config.num_channels, 2))
        estimate = synthesize_hops(torch.complex(spectra[:, :, :, 0], spectra[:, :, :, 1]), samples)
        estimate = estimate + (waves * wave_deviation + wave_mean).unflatten(1, (targets, config.num_channels))
        return (estimate.squeeze(1) if targets == 1 else estimate), None

    def average(self, x: Tensor) -> Tensor:
        """The weighted mean of the members' estimates."""
        estimates = torch.stack([member(x) for member in self.member])
        weights = torch.from_numpy(self.config.member_weights).to(estimates)
        if len(self.config.targets) > 1:  # a single one has no axis
            weights = weights.unsqueeze(1)
        return (weights[..., None, None] * estimates).sum(0)

    def encode(self, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs of all levels for (batch, numbers, bins, frames) and (batch, channels, samples)."""
        xs, ys = [], []
        for level, (layer, wave_layer) in enumerate(zip(self.encoder, self.wave_encoder, strict=True)):
            x, y = layer(x), wave_layer(y)
            if level == 0 and self.config.bin_embedding:
                x = x + self.config.bin_embedding * GAIN * self.bin_embedding.T.unsqueeze(-1)
            xs.append(x)
            ys.append(y)
        return xs, ys

    def decode(self, xs: list[Tensor], ys: list[Tensor], samples: int) -> tuple[Tensor, Tensor]:
        """The numbers (batch, ..., bins, frames) and samples (batch, ..., samples) of all targets."""
        (x, y), lengths = self.transform(xs[-1], ys[-1]), [samples, *(skip.shape[-1] for skip in ys)]
        for level in reversed(range(self.config.depth)):
            x = self.decoder[level](x, xs[level])
            y = self.wave_decoder[level](y, ys[level])[..., : lengths[level]]
        return x, y

    def transform(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The transformer, on (batch, channels, bins, frames) and (batch, channels, steps)."""
        bins_and_frames = x.shape[2:]
        x = self.widen(x.flatten(2)).unflatten(2, bins_and_frames)
        x, y = self.transformer(x, self.wave_widen(y))
        return self.narrow(x.flatten(2)).unflatten(2, bins_and_frames), self.wave_narrow(y)


def normalize(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each example of (batch, ...) without its mean, divided by its deviation; then these two."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axes, keepdim=True)
    variance = (x - mean).square().sum(axes, keepdim=True) / max(x[0].numel() - 1, 1)
    silent = variance == 0  # where the root would have no gradient
    deviation = torch.where(silent, 0, torch.where(silent, 1, variance).sqrt())
    return (x - mean) / (deviation + SILENT), mean, deviation


def smooth_table(rows: int, features: int, device: str | torch.device | None) -> Tensor:
    """Rows of variance GAIN ** -2 that differ little from the ones before them: a random walk, levelled."""
    steps = torch.arange(1, rows + 1, device=device).unsqueeze(1)
    return torch.randn(rows, features, device=device).cumsum(0) / steps.sqrt() / GAIN


def _resize(inputs: int, outputs: int, device: str | torch.device | None) -> nn.Module:
    """A change of (batch, inputs, steps) to as many outputs; nothing where one of both is 0."""
    if not inputs or not outputs:
        return nn.Identity()
    return initialize(nn.Conv1d(inputs, outputs, 1, device=device), inputs)
