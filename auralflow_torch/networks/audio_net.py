"""Networks that map waveforms to waveforms."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_torch.layers.checks import AUDIO, check_counts, check_input
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.lstm import Recurrent
from auralflow_torch.layers.variational import Latent, VariationalBottleneck

STRIDE = 4  # of every level
SILENT = 1e-10  # mean square that is added before the level is taken, so that silence has one: -100 dBFS
# Gains that keep a signal's variance. A rectifier leaves half of it (He et al. 2015, "Delving deep into
# rectifiers"); a gated linear unit a * sigmoid(b) leaves E[sigmoid(b)^2], which is 1/3 where b has variance 3.
RECTIFIED, GATED = 2.0, 3.0


def conv1d(inputs: int, outputs: int, size: int, stride: int = 1, gain: float = RECTIFIED, device=None) -> nn.Module:
    """Convolution of (batch, inputs, steps) that divides the steps by its stride."""
    layer = nn.Conv1d(inputs, outputs, size, stride, padding=(size - stride) // 2, device=device)
    return initialize(layer, inputs * size, gain)


def upsample1d(inputs: int, outputs: int, device=None) -> nn.Module:
    """Transposed convolution of (batch, inputs, steps) that multiplies the steps by its stride."""
    layer = nn.ConvTranspose1d(inputs, outputs, 2 * STRIDE, STRIDE, padding=STRIDE // 2, device=device)
    return initialize(layer, 2 * inputs, RECTIFIED)  # two windows add up to each step that goes out


class Down(nn.Module):
    """A level of the encoder: strided convolution, rectifier, and a gated linear unit over the channels."""

    def __init__(self, inputs: int, outputs: int, device=None) -> None:
        super().__init__()
        self.conv = conv1d(inputs, outputs, 2 * STRIDE, STRIDE, device=device)
        self.gate = conv1d(outputs, 2 * outputs, 1, gain=GATED, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, inputs, steps) to (batch, outputs, steps / 4)."""
        return F.glu(self.gate(F.relu(self.conv(x))), dim=1)


class AudioNetSimple(nn.Module):
    """U-Net of strided convolutions over the samples.

    Skip connections join the channels as in Wave-U-Net (Stoller, Ewert and Dixon 2018); kernels of 8 with stride 4,
    gated linear units, and the input's level that is taken out and put back are those of Demucs (Défossez et al.
    2019, "Music source separation in the waveform domain"). There is no normalisation inside: the initial weights
    keep the signal's variance, and the level is normalised before. Audio of any length works.

    Args:
        num_channels: 1 for mono, 2 for stereo, whose channels are seen together.
        hidden_channels: of the first level; every further level doubles them.
        dropout_p: probability with which the decoder's channels are dropped while training.
        device: where the weights are made.
        num_targets: waveforms to estimate.
        depth: levels; samples are padded inside to a multiple of 4 ** depth.

    Raises:
        InputError: a size below 1.

    Example:
        >>> network = AudioNetSimple(hidden_channels=2)
        >>> network(torch.rand(3, 1, 5000)).shape
        torch.Size([3, 1, 5000])
    """

    def __init__(
        self,
        num_channels: int = 1,
        hidden_channels: int = 32,
        dropout_p: float = 0.0,
        device: str | torch.device | None = None,
        *,
        num_targets: int = 1,
        depth: int = 5,
    ) -> None:
        super().__init__()
        check_counts(num_channels=num_channels, hidden_channels=hidden_channels, num_targets=num_targets, depth=depth)
        self.num_channels, self.num_targets, self.depth = num_channels, num_targets, depth
        widths = [hidden_channels * 2**level for level in range(depth)]
        self.down = nn.ModuleList(
            [Down(inputs, outputs, device) for inputs, outputs in zip([num_channels, *widths], widths, strict=False)]
        )
        self.bottleneck = conv1d(widths[-1], widths[-1], 3, device=device)
        self.merge = nn.ModuleList([conv1d(2 * width, 2 * width, 3, gain=GATED, device=device) for width in widths])
        outputs = [num_targets * num_channels, *widths]
        self.up = nn.ModuleList(
            [upsample1d(width, output, device) for width, output in zip(widths, outputs, strict=False)]
        )
        self.dropout = nn.Dropout1d(dropout_p)

    def forward(self, x: Tensor) -> Tensor:
        """Estimates waveforms.

        Args:
            x: mixtures, (batch, channels, samples), of any length.

        Returns:
            Audio of the same shape; with several targets (batch, targets, channels, samples).
        """
        return self.estimate(x)[0]

    def estimate(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Latent | None]:
        """The waveforms, and the latent variable's mu and sigma where there is one."""
        check_input(x, "the network's input", AUDIO, self.num_channels)
        samples, wide = x.shape[-1], x.to(torch.promote_types(x.dtype, torch.float32))
        centred = wide - wide.mean((1, 2), keepdim=True)
        level = (centred.square().mean((1, 2), keepdim=True) + SILENT).sqrt()
        x = F.pad((centred / level).to(self.bottleneck.weight.dtype), (0, -samples % self.step_samples()))

        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x, latent = self.between(x, noise)
        x = F.relu(self.bottleneck(x))
        for number in reversed(range(self.depth)):
            x = F.glu(self.merge[number](torch.cat([skips[number], x], dim=1)), dim=1)
            x = self.up[number](self.dropout(x))
            x = F.relu(x) if number else x

        x = x[..., :samples] * level  # in the audio's type, or float32
        return (x.unflatten(1, (self.num_targets, self.num_channels)) if self.num_targets > 1 else x), latent

    def step_samples(self) -> int:
        """Samples that make up one step at the bottom."""
        return STRIDE**self.depth

    def between(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """What happens to the deepest level (batch, channels, steps) before the bottleneck: nothing here."""
        return x, None


class AudioNetSimpleLSTM(AudioNetSimple):
    """U-Net over the samples with bidirectional LSTMs before the bottleneck.

    Args:
        args: of AudioNetSimple.
        recurrent_depth: stacked layers.
        hidden_size: requested size of each direction; at most the deepest level's channels are used.
        recurrent_group: steps of the deepest level that the recurrent layers see as one, with all their channels.
        kwargs: of AudioNetSimple.
    """

    def __init__(
        self, *args, recurrent_depth: int = 3, hidden_size: int = 1024, recurrent_group: int = 4, **kwargs
    ) -> None:
        super().__init__(*args, **kwargs)
        check_counts(recurrent_depth=recurrent_depth, hidden_size=hidden_size, recurrent_group=recurrent_group)
        channels = self.bottleneck.out_channels
        self.recurrent_group = recurrent_group
        self.features, self.size = recurrent_group * channels, min(hidden_size, channels)
        self.recurrent = Recurrent(
            self.features, self.size, recurrent_depth, self.dropout.p, self.bottleneck.weight.device
        )

    def step_samples(self) -> int:
        return super().step_samples() * self.recurrent_group

    def between(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """Recurrent layers along (batch, channels, steps)."""
        # Features are channels-last on both sides: to (batch, groups, steps of a group and channels).
        x = x.transpose(1, 2)
        sequence, latent = self.recur(x.unflatten(1, (-1, self.recurrent_group)).flatten(2), noise)
        return sequence.reshape(x.shape).transpose(1, 2), latent

    def recur(self, sequence: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """Maps (batch, steps, features) to the same shape."""
        return self.recurrent(sequence), None


class AudioNetVAE(VariationalBottleneck, AudioNetSimpleLSTM):
    """U-Net over the samples with a latent variable (Kingma and Welling 2013) and LSTMs before the bottleneck.

    Training samples the latent variable; evaluation takes its mean.

    Args:
        args, kwargs: of AudioNetSimpleLSTM.

    Attributes:
        mu, sigma: of the latent variable in the last `forward` while training, (batch, steps, latent); None
            before, and in a copy.
    """
