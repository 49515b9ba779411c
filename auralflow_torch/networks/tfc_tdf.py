"""TFC-TDF: a U-Net of sub-bands with linear layers over all bins at every level."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch.layers.checks import COMPLEX_SPECTRUM, check_input, is_tracing
from auralflow_torch.layers.conv2d import conv, initialize
from auralflow_torch.layers.norms import ChannelNorm


class Block(nn.Module):
    """Two convolutions with two linear layers over the bins between them, beside a shortcut.

    Args:
        inputs: channels that come in.
        features: channels that go out.
        bins: of the input.
        hidden: features between the linear layers.
        device: where the weights are made.
    """

    def __init__(self, inputs: int, features: int, bins: int, hidden: int, device=None) -> None:
        super().__init__()
        self.shortcut = initialize(nn.Conv2d(inputs, features, 1, bias=False, device=device), inputs)
        self.enter_norm, self.squeeze_norm, self.expand_norm, self.leave_norm = (
            ChannelNorm(channels, device) for channels in (inputs, *[features] * 3)
        )
        self.enter = conv(inputs, features, 3, False, device)
        self.squeeze = initialize(nn.Linear(bins, hidden, bias=False, device=device), bins, 2.0)
        self.expand = initialize(nn.Linear(hidden, bins, bias=False, device=device), hidden, 2.0)
        self.leave = conv(features, features, 3, False, device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, inputs, frames, bins) to (batch, features, frames, bins)."""
        y = self.enter(F.gelu(self.enter_norm(x)))
        z = self.squeeze(F.gelu(self.squeeze_norm(y)))
        y = y + self.expand(F.gelu(self.expand_norm(z)))
        return self.leave(F.gelu(self.leave_norm(y))) + self.shortcut(x)


class Level(nn.Module):
    """The blocks of a level, and the strided convolution down from it.

    Args:
        config: the settings.
        level: from 0.
        device: where the weights are made.
    """

    def __init__(self, config: configuration.TFCTDF, level: int, device=None) -> None:
        super().__init__()
        features = config.hidden_channels + level * config.growth
        stride = config.frame_stride, config.bin_stride
        self.blocks = blocks(config, level, features, device)
        self.norm = ChannelNorm(features, device)
        down = nn.Conv2d(features, features + config.growth, stride, stride, bias=False, device=device)
        self.down = initialize(down, stride[0] * stride[1] * features, 2.0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (batch, features, frames, bins) to the next level's input, and to what skips it."""
        for block in self.blocks:
            x = block(x)
        return self.down(F.gelu(self.norm(x))), x


class LevelUp(nn.Module):
    """The transposed convolution up to a level, and its blocks.

    Args:
        config: the settings.
        level: from 0.
        device: where the weights are made.
    """

    def __init__(self, config: configuration.TFCTDF, level: int, device=None) -> None:
        super().__init__()
        features = config.hidden_channels + level * config.growth
        inputs, stride = features + config.growth, (config.frame_stride, config.bin_stride)
        self.norm = ChannelNorm(inputs, device)
        up = nn.ConvTranspose2d(inputs, features, stride, stride, bias=False, device=device)
        self.up = initialize(up, inputs, 2.0)
        self.blocks = blocks(config, level, 2 * features, device)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Maps (batch, inputs, frames, bins) of the next level and what skips it to (batch, features, ...)."""
        x = torch.cat([self.up(F.gelu(self.norm(x))), skip], dim=1)
        for block in self.blocks:
            x = block(x)
        return x


class TFCTDF(nn.Module):
    """Time-frequency convolutions and time-distributed fully connected layers (Kim et al. 2023, "Sound demixing
    challenge 2023: music demixing track technical report"; Choi et al. 2020), as MDX23C has them.

    The lowest bins are cut into sub-bands, which become channels of a U-Net. The network returns spectra.

    Args:
        config: the settings.
        device: where the weights are made.
        settings: instead of `config`, some of its fields and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> sizes = {"num_fft": 256, "window_size": 256, "hop_length": 64, "num_bins": 128, "depth": 2}
        >>> network = TFCTDF(num_targets=3, hidden_channels=4, growth=4, **sizes)
        >>> network(torch.rand(1, 2, 2, 129, 8)).shape
        torch.Size([1, 3, 2, 2, 129, 8])
    """

    def __init__(
        self, config: configuration.TFCTDF | None = None, device: str | torch.device | None = None, **settings
    ) -> None:
        super().__init__()
        self.config = config = config_or_keywords(configuration.TFCTDF, config, settings)
        numbers, features = 2 * config.num_channels * config.num_subbands, config.hidden_channels
        self.first = initialize(nn.Conv2d(numbers, features, 1, bias=False, device=device), numbers)
        self.encoder = nn.ModuleList([Level(config, level, device) for level in range(config.depth)])
        self.middle = blocks(config, config.depth, features + config.depth * config.growth, device)
        self.decoder = nn.ModuleList([LevelUp(config, level, device) for level in range(config.depth)])
        outputs = numbers * len(config.targets)
        self.last = nn.ModuleList(
            [
                conv(features + numbers, features, 1, False, device),
                initialize(nn.Conv2d(features, outputs, 1, bias=False, device=device), features),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Estimates spectra.

        Args:
            x: real and imaginary parts of spectra, (batch, channels, 2, bins, frames).

        Returns:
            The same of the targets, of the same shape; with several targets (batch, targets, channels, 2, bins,
            frames).

        Raises:
            ValueError: another number of bins than the network is made for, or of frames than its levels can divide.
        """
        return self.estimate(x)[0]

    def estimate(self, x: Tensor, noise: None = None) -> tuple[Tensor, None]:
        """The spectra, and None in the place of a latent variable."""
        config, (batch, channels, parts, bins, frames) = self.config, x.shape
        check_input(x, "the network's input", COMPLEX_SPECTRUM, config.num_channels)
        if not is_tracing() and (bins != config.num_fft // 2 + 1 or frames % config.frame_multiple):
            raise ValueError(
                f"TFCTDF is made for {config.num_fft // 2 + 1} bins and a multiple of {config.frame_multiple} frames, "
                f"got {bins} bins and {frames} frames"
            )
        # to (batch, channels and parts and sub-bands, frames, bins of a sub-band)
        mixture = x[..., : config.num_bins, :].unflatten(3, (config.num_subbands, -1)).flatten(1, 3).transpose(2, 3)
        first = self.first(mixture)
        y = torch.cat([mixture, self.unmix(first) * first], dim=1)
        y = self.last[1](F.gelu(self.last[0](y))).transpose(2, 3)
        y = y.reshape(batch, len(config.targets), channels, parts, config.num_bins, frames)
        y = F.pad(y, (0, 0, 0, bins - config.num_bins))
        return y.squeeze(1) if len(config.targets) == 1 else y, None

    def unmix(self, x: Tensor) -> Tensor:
        """All levels, on (batch, features, frames, bins)."""
        skips = []
        for level in self.encoder:
            x, skip = level(x)
            skips.append(skip)
        for block in self.middle:
            x = block(x)
        for index in reversed(range(len(skips))):
            x = self.decoder[index](x, skips[index])
        return x


def blocks(config: configuration.TFCTDF, level: int, inputs: int, device) -> nn.ModuleList:
    """The blocks of a level, of which the first has `inputs` channels."""
    features = config.hidden_channels + level * config.growth
    bins = config.num_bins // config.num_subbands // config.bin_stride**level
    return nn.ModuleList(
        [
            Block(features if index else inputs, features, bins, bins // config.compression, device)
            for index in range(config.num_blocks)
        ]
    )
