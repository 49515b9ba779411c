"""SCNet: bands of bins that lose more of their resolution the higher they are, and LSTMs over bins and frames."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_core.config.networks.scnet import Band
from auralflow_torch.layers.band_resample import BandConv, BandUpsample
from auralflow_torch.layers.checks import COMPLEX_SPECTRUM, check_input, is_tracing
from auralflow_torch.layers.conv2d import conv, initialize
from auralflow_torch.layers.lstm import Recurrent

HIDDEN_MASK = 64  # channels between the two convolutions that make masks


class ResidualLayer(nn.Module):
    """Convolutions along (rows, channels, frames), the inner one of each channel by itself.

    Args:
        channels: that come in and go out.
        hidden: channels inside.
        size: of the kernels, in frames; odd.
        device: where the weights are made.
    """

    def __init__(self, channels: int, hidden: int, size: int, device=None) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels, device=device)
        squeeze = nn.Conv1d(channels, 2 * hidden, size, padding=size // 2, device=device)
        self.squeeze = initialize(squeeze, size * channels)
        inner = nn.Conv1d(hidden, hidden, size, padding=size // 2, groups=hidden, device=device)
        self.inner = initialize(inner, size)
        self.inner_norm = nn.GroupNorm(1, hidden, device=device)
        self.expand = initialize(nn.Conv1d(hidden, channels, 1, device=device), hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (rows, channels, frames) to the same shape."""
        y = self.inner(F.glu(self.squeeze(self.norm(x)), dim=1))
        return x + self.expand(F.silu(self.inner_norm(y)))


class Encoder(nn.Module):
    """One level down: each band's convolution and residual layers, then a convolution over all bins.

    Args:
        config: the settings.
        level: from 0.
        inputs: channels that come in.
        device: where the weights are made.
    """

    def __init__(self, config: configuration.SCNet, level: int, inputs: int, device=None) -> None:
        super().__init__()
        features = config.level_channels[level]
        hidden, size = features // config.compression, config.kernel_size
        self.down = BandConv(inputs, features, config.levels[level], config.band_strides, config.band_kernels, device)
        self.branch = nn.ModuleList(
            [
                nn.Sequential(*(ResidualLayer(features, hidden, size, device) for _ in range(count)))
                for count in config.band_depths
            ]
        )
        self.conv = conv(features, features, 3, True, device)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (batch, inputs, bins, frames) to (batch, features, fewer bins, frames), and to what skips the rest."""
        bands = []
        for band, branch in zip(self.down(x), self.branch, strict=True):
            batch, features, bins, frames = band.shape
            rows = branch(band.transpose(1, 2).reshape(-1, features, frames))
            bands.append(F.gelu(rows).view(batch, bins, features, frames).transpose(1, 2))
        skip = torch.cat(bands, dim=2)
        return self.conv(skip), skip


class Gate(nn.Conv2d):
    """A 3x3 convolution of an input that stands twice along the channels, and a gated linear unit.

    Args:
        channels: that come in, and go out.
        device: where the weights are made.
    """

    def __init__(self, channels: int, device=None) -> None:
        super().__init__(2 * channels, 2 * channels, 3, padding=1, device=device)
        initialize(self, 9 * 2 * channels, gain=2.0)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, channels, bins, frames) to the same shape."""
        assert self.bias is not None
        first, second = self.weight.chunk(2, dim=1)  # both halves of the kernel meet the same numbers
        return F.glu(F.conv2d(x, first + second, self.bias, padding=1), dim=1)


class Decoder(nn.Module):
    """One level up: a gated convolution of input and skip connection, then each band's transposed convolution.

    Args:
        config: the settings.
        bands: of the bins that go out.
        inputs: channels that come in.
        features: channels that go out.
        device: where the weights are made.
    """

    def __init__(
        self, config: configuration.SCNet, bands: tuple[Band, ...], inputs: int, features: int, device=None
    ) -> None:
        super().__init__()
        self.gate = Gate(inputs, device)
        self.up = BandUpsample(inputs, features, bands, config.band_strides, config.band_kernels, device)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Maps (batch, inputs, fewer bins, frames) twice to (batch, features, bins, frames)."""
        return self.up(self.gate(x + skip))


class Path(nn.Module):
    """A norm, an LSTM and a linear layer, along the bins or the frames.

    Args:
        width: channels.
        hidden: features of each direction of the LSTM.
        axis: 2 for bins, 3 for frames.
        device: where the weights are made.
    """

    def __init__(self, width: int, hidden: int, axis: int, device=None) -> None:
        super().__init__()
        self.axis = axis
        self.norm = nn.GroupNorm(1, width, device=device)
        self.recurrent = Recurrent(width, hidden, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, channels, bins, frames) to the same shape."""
        y = self.norm(x).movedim(1, 3)
        y = y.transpose(1, 2) if self.axis == 2 else y  # to (batch, steps of others, own steps, channels)
        y = self.recurrent(y.flatten(0, 1)).view(y.shape)
        y = y.transpose(1, 2) if self.axis == 2 else y
        return x + y.movedim(3, 1)


class SCNet(nn.Module):
    """Sparse compression network (Tong et al. 2024, "SCNet: sparse compression network for music source separation").

    At each level a band of bins is divided by its own stride. At the deepest one, LSTMs over the bins and over the
    frames take turns; every second pair of them sees the Fourier transform of the frames. The network returns spectra;
    with `masks` it multiplies the mixture's by what it makes.

    Args:
        config: the settings.
        device: where the weights are made.
        settings: instead of `config`, some of its fields and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> network = SCNet(num_targets=3, num_fft=256, window_size=256, hop_length=64, level_channels=[8, 8])
        >>> network(torch.rand(1, 2, 2, 129, 10)).shape
        torch.Size([1, 3, 2, 2, 129, 10])
    """

    def __init__(
        self, config: configuration.SCNet | None = None, device: str | torch.device | None = None, **settings
    ) -> None:
        super().__init__()
        self.config = config = config_or_keywords(configuration.SCNet, config, settings)
        numbers, channels = 2 * config.num_channels, config.level_channels
        outputs = numbers * len(config.targets)
        self.encoder = nn.ModuleList(
            [Encoder(config, level, inputs, device) for level, inputs in enumerate((numbers, *channels[:-1]))]
        )
        self.path = nn.ModuleList()
        for layer in range(config.num_layers):
            width = channels[-1] * (1 + layer % 2)
            for axis in (2, 3):
                self.path.append(Path(width, config.expansion * width, axis, device))
        self.decoder = nn.ModuleList(
            [
                Decoder(config, bands, inputs, features, device)
                for bands, inputs, features in zip(config.levels, channels, (outputs, *channels[:-1]), strict=True)
            ]
        )
        if config.masks:
            self.bin_embedding = nn.Parameter(0.02 * torch.randn(numbers, config.num_fft // 2 + 1, device=device))
            self.mask = nn.ModuleList(
                [conv(outputs, HIDDEN_MASK, 3, True, device), conv(HIDDEN_MASK, outputs, 1, True, device)]
            )

    def forward(self, x: Tensor) -> Tensor:
        """Estimates spectra.

        Args:
            x: real and imaginary parts of spectra, (batch, channels, 2, bins, frames).

        Returns:
            The same of the targets, of the same shape; with several targets (batch, targets, channels, 2, bins,
            frames).

        Raises:
            ValueError: another number of bins than the network is made for.
        """
        return self.estimate(x)[0]

    def estimate(self, x: Tensor, noise: None = None) -> tuple[Tensor, None]:
        """The spectra, and None in the place of a latent variable."""
        config, (batch, *shape) = self.config, x.shape
        check_input(x, "the network's input", COMPLEX_SPECTRUM, config.num_channels)
        if not is_tracing() and shape[-2] != config.num_fft // 2 + 1:
            raise ValueError(f"SCNet is made for {config.num_fft // 2 + 1} bins, got {shape[-2]}")
        scaled = config.num_fft**-0.5 * x
        y = scaled.flatten(1, 2)
        y = self.unmix(y + self.bin_embedding[..., None] if config.masks else y)
        y = y.view(batch, len(config.targets), *shape)
        if config.masks:
            y = multiply(y, scaled.unsqueeze(1))
        y = config.num_fft**0.5 * y
        return y.squeeze(1) if len(config.targets) == 1 else y, None

    def unmix(self, x: Tensor) -> Tensor:
        """All levels, on (batch, numbers, bins, frames)."""
        skips = []
        for encoder in self.encoder:
            x, skip = encoder(x)
            skips.append(skip)
        frames = x.shape[-1]
        for index in range(0, len(self.path), 2):
            x = self.path[index + 1](self.path[index](x))
            x = to_frames(x, frames) if index % 4 else to_spectrum(x)
        for level in reversed(range(len(skips))):
            x = self.decoder[level](x, skips[level])
        if self.config.masks:
            x = self.mask[1](F.gelu(self.mask[0](x))).tanh()
        return x


def to_spectrum(x: Tensor) -> Tensor:
    """The Fourier transform of the frames of (batch, channels, bins, frames); real before imaginary parts."""
    spectrum = torch.fft.rfft(x.to(torch.promote_types(x.dtype, torch.float32)), norm="ortho")
    return torch.cat([spectrum.real, spectrum.imag], dim=1).to(x.dtype)


def to_frames(x: Tensor, frames: int) -> Tensor:
    """The inverse of `to_spectrum`."""
    real, imaginary = x.to(torch.promote_types(x.dtype, torch.float32)).chunk(2, dim=1)
    return torch.fft.irfft(torch.complex(real, imaginary), frames, norm="ortho").to(x.dtype)


def multiply(x: Tensor, y: Tensor) -> Tensor:
    """The complex product of (..., 2, bins, frames), real before imaginary parts."""
    (a, b), (c, d) = x.unbind(-3), y.unbind(-3)
    return torch.stack([a * c - b * d, a * d + b * c], dim=-3)
