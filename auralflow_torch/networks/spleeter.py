"""Deezer's Spleeter: one U-Net for each target."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch.layers.checks import SPECTRUM, check_input
from auralflow_torch.layers.conv2d import initialize


class Norm(nn.BatchNorm2d):
    """Batch normalisation with Spleeter's constants, whose statistics can be frozen."""

    def __init__(self, features: int, frozen: bool, device=None) -> None:
        super().__init__(features, eps=1e-3, momentum=0.01, device=device)
        self.frozen = frozen

    def train(self, mode: bool = True) -> "Norm":
        return super().train(mode and not self.frozen)


class Double(nn.ConvTranspose2d):
    """5x5 transposed convolution that doubles bins and frames."""

    def __init__(self, inputs: int, outputs: int, device=None) -> None:
        super().__init__(inputs, outputs, 5, stride=2, padding=1, device=device)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[..., :-1, :-1]


class UNet(nn.Module):
    """The network of one target. Skips carry what comes before the norm, and the deepest level has none.

    Args:
        config: the settings.
        device: where the weights are made.
    """

    def __init__(self, config: configuration.SpleeterNet, device=None) -> None:
        super().__init__()
        self.depth, self.leak_factor = config.depth, config.leak_factor
        channels, frozen = config.num_channels, config.freeze_statistics
        widths = [config.hidden_channels * 2**level for level in range(config.depth)]
        self.down = nn.ModuleList(
            [
                initialize(nn.Conv2d(*pair, 5, stride=2, device=device), 25 * pair[0], gain=2.0)
                for pair in zip([channels, *widths], widths, strict=False)
            ]
        )
        self.down_norm = nn.ModuleList([Norm(width, frozen, device) for width in widths[:-1]])
        inputs = [*(2 * width for width in widths[:-1]), widths[-1]]  # a skip and the level below
        self.up = nn.ModuleList(
            [
                # A quarter of the taps meets each output pixel.
                initialize(Double(*pair, device), 25 * pair[0], gain=8.0)
                for pair in zip(inputs, [1, *widths], strict=False)
            ]
        )
        self.up_norm = nn.ModuleList([Norm(width, frozen, device) for width in [1, *widths[:-1]]])
        self.dropout = nn.Dropout(config.dropout_p)
        self.head = initialize(nn.Conv2d(1, channels, 4, dilation=2, padding=3, device=device), 16)

    def forward(self, x: Tensor) -> Tensor:
        """Maps magnitudes (batch, channels, bins, frames), a multiple of 2 ** depth, to masks of the same shape."""
        skips = []
        for level, down in enumerate(self.down):
            if level:
                x = F.leaky_relu(self.down_norm[level - 1](x), self.leak_factor)
            x = down(F.pad(x, (1, 2, 1, 2)))  # as TensorFlow pads
            skips.append(x)
        for level in reversed(range(self.depth)):
            x = x if level == self.depth - 1 else torch.cat([skips[level], x], dim=1)
            x = self.up[level](x).relu()
            x = self.up_norm[level](x)
            if level >= self.depth // 2:
                x = self.dropout(x)
        return self.head(x).sigmoid()


class SpleeterNet(nn.Module):
    """A U-Net for each target that sees the mixture alone (Hennequin, Khlif, Voituret and Moussallam 2020, "Spleeter:
    a fast and efficient music source separation tool with pre-trained models", after Jansson et al. 2017).

    The targets' masks are meant to be joined as a ratio of powers. Any number of bins and frames works.

    Args:
        config: the settings; bins and frames are padded inside to a multiple of 2 ** depth.
        device: where the weights are made.
        settings: instead of `config`, some of its fields and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> SpleeterNet(hidden_channels=2, depth=2)(torch.rand(3, 2, 64, 40)).shape
        torch.Size([3, 2, 2, 64, 40])
    """

    def __init__(
        self, config: configuration.SpleeterNet | None = None, device: str | torch.device | None = None, **settings
    ) -> None:
        super().__init__()
        self.config = config = config_or_keywords(configuration.SpleeterNet, config, settings)
        self.target = nn.ModuleList([UNet(config, device) for _ in config.targets])

    def forward(self, x: Tensor) -> Tensor:
        """Estimates masks.

        Args:
            x: magnitudes, (batch, channels, bins, frames).

        Returns:
            Masks in [0, 1] of the same shape; with several targets (batch, targets, channels, bins, frames).
        """
        return self.estimate(x)[0]

    def estimate(self, x: Tensor, noise: None = None) -> tuple[Tensor, None]:
        """The masks, and None in the place of a latent variable."""
        check_input(x, "the network's input", SPECTRUM, self.config.num_channels)
        bins, frames = x.shape[-2:]
        stride = 2**self.config.depth
        x = F.pad(x, (0, -frames % stride, 0, -bins % stride))
        masks = torch.stack([network(x) for network in self.target], dim=1)[..., :bins, :frames]
        return masks.squeeze(1) if len(self.target) == 1 else masks, None
