"""Networks that map magnitude spectrograms to masks."""

from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import from_keywords
from auralflow_core.errors import InputError
from auralflow_torch.layers.checks import SPECTRUM, check_counts, check_input, is_tracing
from auralflow_torch.layers.conv2d import MASK_ACTIVATIONS, DoubleConv, conv, upsample
from auralflow_torch.layers.lstm import RecurrentBottleneck
from auralflow_torch.layers.variational import Latent, VariationalBottleneck


class SpectrogramNetSimple(nn.Module):
    """U-Net of double convolutions (Ronneberger et al. 2015, "U-Net", with batch normalisation).

    Any number of bins and frames works, except where something is learned for each bin, or each frame.

    The constructor takes the documented arguments, under their documented names and with their documented defaults;
    `from_config` takes the settings of a model, whose `dropout_p` is 0.0 by default.

    Args:
        num_fft_bins: bins of the spectrograms.
        num_frames: frames of the spectrograms.
        num_channels: 1 for mono, 2 for stereo, whose channels are seen together.
        hidden_channels: channels of the first level; every further level, and the bottleneck, doubles them.
        mask_act_fn: the last layer's activation: sigmoid, softmax (over the targets), hardtanh, relu or softplus.
        leak_factor: slope of the rectifiers below zero.
        dropout_p: probability with which the decoder's channels are dropped in training.
        normalize_input: normalise each bin over batch, channels and frames, with a learned scale and shift;
            fixes the number of bins.
        normalize_output: the same before the mask's activation.
        device: where the weights are made.
        settings: other fields of `auralflow_core.config.SpectrogramNetSimple`, such as `depth`, and `num_targets`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range, or softmax for a single target.

    Example:
        >>> network = SpectrogramNetSimple(num_fft_bins=64, num_frames=40, hidden_channels=2)
        >>> network(torch.rand(3, 1, 64, 40)).shape
        torch.Size([3, 1, 64, 40])
    """

    STRUCT: ClassVar[type[configuration.SpectrogramNetSimple]] = configuration.SpectrogramNetSimple

    def __init__(
        self,
        num_fft_bins: int,
        num_frames: int,
        num_channels: int = 1,
        hidden_channels: int = 16,
        mask_act_fn: str = "sigmoid",
        leak_factor: float = 0,
        dropout_p: float = 0.5,
        normalize_input: bool = False,
        normalize_output: bool = False,
        device: str | torch.device | None = None,
        **settings,
    ) -> None:
        check_counts(num_fft_bins=num_fft_bins, num_frames=num_frames)
        # The struct describes a front end, too, which is no part of the network; any that has these bins will do.
        num_fft = max(configuration.SpectrogramConfig().num_fft, 2 * num_fft_bins)
        arguments = {
            "num_fft_bins": num_fft_bins,
            "num_channels": num_channels,
            "hidden_channels": hidden_channels,
            "mask_act_fn": mask_act_fn,
            "leak_factor": leak_factor,
            "dropout_p": dropout_p,
            "normalize_input": normalize_input,
            "normalize_output": normalize_output,
            "num_fft": num_fft,
            "window_size": num_fft,
        }
        self.build(from_keywords(self.STRUCT, arguments | settings), num_frames, device)

    @classmethod
    def from_config(
        cls,
        config: configuration.SpectrogramNetSimple,
        num_frames: int | None = None,
        device: str | torch.device | None = None,
    ) -> Self:
        """The network of a model's settings.

        Args:
            config: the settings.
            num_frames: frames of the spectrograms; needed only where `input_axis` is 1.
            device: where the weights are made.
        """
        network = cls.__new__(cls)
        network.build(config, num_frames, device)
        return network

    def build(
        self, config: configuration.SpectrogramNetSimple, num_frames: int | None, device: str | torch.device | None
    ) -> None:
        """Makes the layers."""
        nn.Module.__init__(self)
        self.config, self.num_frames = config, num_frames
        self.input_norm = nn.BatchNorm2d(config.num_bins, device=device) if config.normalize_input else None
        self.output_norm = nn.BatchNorm2d(config.num_bins, device=device) if config.normalize_output else None

        channels, leak_factor = config.num_channels, config.leak_factor
        widths = [config.hidden_channels * 2**level for level in range(config.depth + 1)]
        pairs = list(zip([channels, *widths], widths, strict=False))
        self.down = nn.ModuleList([DoubleConv(*pair, leak_factor, device) for pair in pairs[:-1]])
        self.bottleneck = DoubleConv(*pairs[-1], leak_factor, device)
        self.up = nn.ModuleList([upsample(2 * width, width, device) for width in widths[:-1]])
        self.merge = nn.ModuleList([DoubleConv(2 * width, width, leak_factor, device) for width in widths[:-1]])
        self.dropout = nn.Dropout2d(config.dropout_p)
        self.head = conv(widths[0], len(config.targets) * channels, 1, bias=True, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """Estimates masks.

        Args:
            x: magnitudes, (batch, channels, bins, frames).

        Returns:
            Masks of the same shape; with several targets (batch, targets, channels, bins, frames).

        Raises:
            ValueError: complex values, another shape, or not the number of bins or frames that the network is fixed to.
        """
        return self.estimate(x)[0]

    def estimate(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Latent | None]:
        """The masks, and the latent variable's mu and sigma where there is one."""
        config, targets = self.config, len(self.config.targets)
        check_input(x, "the network's input", SPECTRUM, config.num_channels)
        bins, frames = x.shape[-2:]
        self.check_sizes(bins=bins, frames=frames)
        if self.input_norm is not None:
            x = self.input_norm(x.transpose(1, 2)).transpose(1, 2)
        stride = 2**config.depth
        x = F.pad(x, (0, -frames % stride, 0, -bins % stride))

        skips = []
        for down in self.down:
            skips.append(down(x))
            x = F.max_pool2d(skips[-1], 2)
        x, latent = self.transform_bottleneck(x, noise)
        x = self.bottleneck(x)
        for up, merge in zip(reversed(self.up), reversed(self.merge), strict=True):
            x = self.dropout(merge(torch.cat([skips.pop(), up(x)], dim=1)))

        x = self.head(x)[..., :bins, :frames]
        if self.output_norm is not None:
            x = self.output_norm(x.transpose(1, 2)).transpose(1, 2)
        mask = MASK_ACTIVATIONS[config.mask_activation](x.unflatten(1, (targets, config.num_channels)))
        return mask.squeeze(1) if targets == 1 else mask, latent

    def transform_bottleneck(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """Maps the deepest level (batch, channels, bins, frames), before the bottleneck, to its shape: to itself."""
        return x, None

    def fixed_axes(self) -> set[str]:
        """The axes, of `bins` and `frames`, along which weights are laid out."""
        return {"bins"} if self.input_norm is not None or self.output_norm is not None else set()

    def check_sizes(self, **found: int) -> None:
        """Compares `bins` and `frames` with what the network was made for."""
        if is_tracing():
            return
        for axis in sorted(self.fixed_axes()):
            name, expected = {
                "bins": ("num_fft_bins", self.config.num_bins),
                "frames": ("num_frames", self.num_frames),
            }[axis]
            if found[axis] != expected:
                raise ValueError(f"{type(self).__name__} is made for {name}={expected}, got {found[axis]} {axis}")


class SpectrogramNetLSTM(RecurrentBottleneck, SpectrogramNetSimple):
    """U-Net with bidirectional LSTMs before the bottleneck.

    Args:
        args: of SpectrogramNetSimple.
        recurrent_depth: stacked layers.
        hidden_size: requested size of each direction; at most the deepest level's channels are used.
        input_axis: 0: a step is a frame, its features are bins and channels, and the bins are fixed; 1: a step is
            a bin, its features are frames and channels, and the frames are fixed.
        kwargs: of SpectrogramNetSimple.

    Raises:
        InputError: as SpectrogramNetSimple does, or an `input_axis` other than 0 and 1.
    """

    STRUCT = configuration.SpectrogramNetLSTM
    config: configuration.SpectrogramNetLSTM

    def __init__(self, *args, recurrent_depth: int = 3, hidden_size: int = 1024, input_axis: int = 0, **kwargs) -> None:
        super().__init__(
            *args, recurrent_depth=recurrent_depth, hidden_size=hidden_size, input_axis=input_axis, **kwargs
        )

    def build(
        self, config: configuration.SpectrogramNetLSTM, num_frames: int | None, device: str | torch.device | None
    ) -> None:
        super().build(config, num_frames, device)
        size = config.num_bins if config.input_axis == 0 else num_frames
        if size is None:
            raise InputError(f"{type(self).__name__} with input_axis 1 needs num_frames, got None")
        channels = config.hidden_channels * 2 ** (config.depth - 1)  # of the deepest level
        self.build_recurrent(channels * -(-size // 2**config.depth), device)

    def transform_bottleneck(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """Applies recurrent layers along the frames, or the bins, of (batch, channels, bins, frames)."""
        # Features are channels-last on both sides: to (batch, steps, bins or frames, channels).
        along_frames = self.config.input_axis == 0
        x = x.permute((0, 3, 2, 1) if along_frames else (0, 2, 3, 1))
        sequence, latent = self.run_recurrent(x.flatten(2), noise)
        x = sequence.unflatten(2, x.shape[2:])
        return x.permute((0, 3, 2, 1) if along_frames else (0, 3, 1, 2)), latent

    def fixed_axes(self) -> set[str]:
        return super().fixed_axes() | {("bins", "frames")[self.config.input_axis]}


class SpectrogramNetVAE(VariationalBottleneck, SpectrogramNetLSTM):
    """U-Net with a latent variable (Kingma and Welling 2013) and LSTMs before the bottleneck.

    Training samples the latent variable; evaluation takes its mean.

    Args:
        args, kwargs: of SpectrogramNetLSTM.

    Attributes:
        mu, sigma: of the latent variable in the last `forward` while training, (batch, steps, latent); None
            before, and in a copy.
    """

    STRUCT = configuration.SpectrogramNetVAE
