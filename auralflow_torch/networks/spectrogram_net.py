"""Networks that map magnitude spectrograms to masks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core.errors import InputError
from auralflow_torch.layers.checks import SPECTRUM, check_counts, check_input
from auralflow_torch.layers.conv2d import DoubleConv, conv, mask_activation, upsample
from auralflow_torch.layers.lstm import Recurrent
from auralflow_torch.layers.variational import Latent, VariationalBottleneck


class SpectrogramNetSimple(nn.Module):
    """U-Net of double convolutions (Ronneberger et al. 2015, "U-Net", with batch normalisation).

    Any number of bins and frames works, but where something is learned for each bin, or each frame.

    Args:
        num_fft_bins: bins of the spectrograms.
        num_frames: frames of the spectrograms.
        num_channels: 1 for mono, 2 for stereo, whose channels are seen together.
        hidden_channels: of the first level; every further level, and the bottleneck, doubles them.
        mask_act_fn: the last layer's activation: sigmoid, softmax (over the targets), hardtanh, relu, softplus or
            identity.
        leak_factor: slope of the rectifiers below zero.
        dropout_p: probability with which the decoder's channels are dropped while training.
        normalize_input: normalise each bin over batch, channels and frames, with a learned scale and shift;
            fixes the number of bins.
        normalize_output: the same before the mask's activation.
        device: where the weights are made.
        num_targets: masks to estimate.
        depth: levels above the bottleneck; bins and frames are padded inside to a multiple of 2 ** depth.

    Raises:
        InputError: a size below 1, an unknown activation, or softmax for a single target.

    Example:
        >>> network = SpectrogramNetSimple(num_fft_bins=64, num_frames=40, hidden_channels=2)
        >>> network(torch.rand(3, 1, 64, 40)).shape
        torch.Size([3, 1, 64, 40])
    """

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
        *,
        num_targets: int = 1,
        depth: int = 5,
    ) -> None:
        super().__init__()
        check_counts(
            num_fft_bins=num_fft_bins,
            num_frames=num_frames,
            num_channels=num_channels,
            hidden_channels=hidden_channels,
            num_targets=num_targets,
            depth=depth,
        )
        mask_activation(mask_act_fn, num_targets)  # refuses what it does not know
        self.num_fft_bins, self.num_frames = num_fft_bins, num_frames
        self.num_channels, self.num_targets = num_channels, num_targets
        self.depth, self.mask_act_fn = depth, mask_act_fn
        self.input_norm = nn.BatchNorm2d(num_fft_bins, device=device) if normalize_input else None
        self.output_norm = nn.BatchNorm2d(num_fft_bins, device=device) if normalize_output else None

        widths = [hidden_channels * 2**level for level in range(depth + 1)]
        inputs = [num_channels, *widths]
        pairs = list(zip(inputs, widths, strict=False))
        self.down = nn.ModuleList([DoubleConv(*pair, leak_factor, device) for pair in pairs[:-1]])
        self.bottleneck = DoubleConv(*pairs[-1], leak_factor, device)
        self.up = nn.ModuleList([upsample(2 * width, width, device) for width in widths[:-1]])
        self.merge = nn.ModuleList([DoubleConv(2 * width, width, leak_factor, device) for width in widths[:-1]])
        self.dropout = nn.Dropout2d(dropout_p)
        self.head = conv(hidden_channels, num_targets * num_channels, 1, bias=True, device=device)

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
        check_input(x, "the network's input", SPECTRUM, self.num_channels)
        bins, frames = x.shape[-2:]
        self.check_sizes(bins=bins, frames=frames)
        if self.input_norm is not None:
            x = self.input_norm(x.transpose(1, 2)).transpose(1, 2)
        stride = 2**self.depth
        x = F.pad(x, (0, -frames % stride, 0, -bins % stride))

        skips = []
        for down in self.down:
            skips.append(down(x))
            x = F.max_pool2d(skips[-1], 2)
        x, latent = self.between(x, noise)
        x = self.bottleneck(x)
        for up, merge in zip(reversed(self.up), reversed(self.merge), strict=True):
            x = self.dropout(merge(torch.cat([skips.pop(), up(x)], dim=1)))

        x = self.head(x)[..., :bins, :frames]
        if self.output_norm is not None:
            x = self.output_norm(x.transpose(1, 2)).transpose(1, 2)
        x = x.unflatten(1, (self.num_targets, self.num_channels))
        mask = mask_activation(self.mask_act_fn, self.num_targets)(x)
        return mask.squeeze(1) if self.num_targets == 1 else mask, latent

    def between(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """What happens to the deepest level (batch, channels, bins, frames) before the bottleneck: nothing here."""
        return x, None

    def fixed_axes(self) -> set[str]:
        """The axes, of `bins` and `frames`, along which weights are laid out."""
        return {"bins"} if self.input_norm is not None or self.output_norm is not None else set()

    def check_sizes(self, **found: int) -> None:
        """Compares `bins` and `frames` with what the network was made for."""
        if torch.jit.is_tracing():
            return  # sizes are values of the traced graph, and cannot be asked
        for axis in sorted(self.fixed_axes()):
            name = {"bins": "num_fft_bins", "frames": "num_frames"}[axis]
            if found[axis] != (expected := getattr(self, name)):
                raise ValueError(f"{type(self).__name__} is made for {name}={expected}, got {found[axis]} {axis}")


class SpectrogramNetLSTM(SpectrogramNetSimple):
    """U-Net with bidirectional LSTMs before the bottleneck.

    Args:
        args: of SpectrogramNetSimple.
        recurrent_depth: stacked layers.
        hidden_size: requested size of each direction; at most the deepest level's channels are used.
        input_axis: 0: a step is a frame, its features are bins and channels, and the bins are fixed; 1: a step is
            a bin, its features are frames and channels, and the frames are fixed.
        kwargs: of SpectrogramNetSimple.

    Raises:
        InputError: a size below 1, or an `input_axis` other than 0 and 1.
    """

    def __init__(self, *args, recurrent_depth: int = 3, hidden_size: int = 1024, input_axis: int = 0, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_counts(recurrent_depth=recurrent_depth, hidden_size=hidden_size)
        if input_axis not in (0, 1):
            raise InputError(f"input_axis must be 0 (frequency) or 1 (time), got {input_axis!r}")
        self.input_axis = input_axis
        channels = self.up[-1].out_channels  # of the deepest level
        pooled = -(-(self.num_fft_bins, self.num_frames)[input_axis] // 2**self.depth)
        self.features, self.size = channels * pooled, min(hidden_size, channels)
        self.recurrent = Recurrent(self.features, self.size, recurrent_depth, self.dropout.p, self.head.weight.device)

    def between(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """Recurrent layers along the frames, or the bins, of (batch, channels, bins, frames)."""
        # Features are channels-last on both sides: to (batch, steps, bins or frames, channels).
        order = (0, 3, 2, 1) if self.input_axis == 0 else (0, 2, 3, 1)
        x = x.permute(order)
        sequence, latent = self.recur(x.flatten(2), noise)
        x = sequence.unflatten(2, x.shape[2:])
        return x.permute((0, 3, 2, 1) if self.input_axis == 0 else (0, 3, 1, 2)), latent

    def recur(self, sequence: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """Maps (batch, steps, features) to the same shape."""
        return self.recurrent(sequence), None

    def fixed_axes(self) -> set[str]:
        return super().fixed_axes() | {("bins", "frames")[self.input_axis]}


class SpectrogramNetVAE(VariationalBottleneck, SpectrogramNetLSTM):
    """U-Net with a latent variable (Kingma and Welling 2013) and LSTMs before the bottleneck.

    Training samples the latent variable; evaluation takes its mean.

    Args:
        args, kwargs: of SpectrogramNetLSTM.

    Attributes:
        mu, sigma: of the latent variable in the last `forward` while training, (batch, steps, latent); None
            before, and in a copy.
    """
