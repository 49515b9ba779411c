"""Networks that map waveforms to waveforms."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch.layers.checks import AUDIO, check_input
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.lstm import RecurrentBottleneck
from auralflow_torch.layers.variational import Latent, VariationalBottleneck

STRIDE = 4  # of every level
SILENT = 1e-10  # mean square that is added before the level is taken, so that silence has one: -100 dBFS
# Gains that keep a signal's variance. A rectifier leaves half of it (He et al. 2015, "Delving deep into
# rectifiers"); a gated linear unit a * sigmoid(b) leaves E[sigmoid(b)^2], which is 1/3 where b has variance 3.
RECTIFIED, GATED = 2.0, 3.0


def conv1d(inputs: int, outputs: int, size: int, stride: int = 1, gain: float = RECTIFIED, device=None) -> nn.Conv1d:
    """Convolution of (batch, inputs, steps) that divides the steps by its stride."""
    layer = nn.Conv1d(inputs, outputs, size, stride, padding=(size - stride) // 2, device=device)
    return initialize(layer, inputs * size, gain)


def upsample1d(inputs: int, outputs: int, device=None) -> nn.ConvTranspose1d:
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

    Skip connections join the channels as in Wave-U-Net (Stoller, Ewert and Dixon 2018). Kernels of 8 with stride 4 and
    gated linear units are those of Demucs (Défossez et al. 2019, "Music source separation in the waveform domain"), as
    is the input's level: the input is divided by it, the output multiplied. There is no normalisation inside: the
    initial weights keep the signal's variance.

    Args:
        config: the settings; samples are padded inside to a multiple of `config.alignment`.
        device: where the weights are made.
        settings: instead of `config`, some of its fields and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> network = AudioNetSimple(hidden_channels=2)
        >>> network(torch.rand(3, 1, 5000)).shape
        torch.Size([3, 1, 5000])
    """

    STRUCT: ClassVar[type[configuration.AudioNetSimple]] = configuration.AudioNetSimple

    def __init__(
        self, config: configuration.AudioNetSimple | None = None, device: str | torch.device | None = None, **settings
    ) -> None:
        super().__init__()
        self.build(config_or_keywords(self.STRUCT, config, settings), device)

    def build(self, config: configuration.AudioNetSimple, device: str | torch.device | None) -> None:
        """Makes the layers."""
        self.config = config
        widths = [config.hidden_channels * 2**level for level in range(config.depth)]
        inputs, outputs = [config.num_channels, *widths], [len(config.targets) * config.num_channels, *widths]
        self.down = nn.ModuleList([Down(*pair, device) for pair in zip(inputs, widths, strict=False)])
        self.bottleneck = conv1d(widths[-1], widths[-1], 3, device=device)
        self.merge = nn.ModuleList([conv1d(2 * width, 2 * width, 3, gain=GATED, device=device) for width in widths])
        self.up = nn.ModuleList([upsample1d(*pair, device) for pair in zip(widths, outputs, strict=False)])
        self.dropout = nn.Dropout1d(config.dropout_p)

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
        config = self.config
        check_input(x, "the network's input", AUDIO, config.num_channels)
        samples, wide = x.shape[-1], x.to(torch.promote_types(x.dtype, torch.float32))
        centred = wide - wide.mean((1, 2), keepdim=True)
        level = (centred.square().mean((1, 2), keepdim=True) + SILENT).sqrt()
        x = F.pad((centred / level).to(self.bottleneck.weight.dtype), (0, -samples % self.samples_per_step()))

        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x, latent = self.transform_bottleneck(x, noise)
        x = F.relu(self.bottleneck(x))
        for number in reversed(range(config.depth)):
            x = F.glu(self.merge[number](torch.cat([skips[number], x], dim=1)), dim=1)
            x = self.up[number](self.dropout(x))
            x = F.relu(x) if number else x

        x, targets = x[..., :samples] * level, len(config.targets)  # in the audio's type, or float32
        return (x.unflatten(1, (targets, config.num_channels)) if targets > 1 else x), latent

    def samples_per_step(self) -> int:
        """The number of samples that make up one step at the bottom."""
        return STRIDE**self.config.depth

    def transform_bottleneck(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """Maps the deepest level (batch, channels, steps), before the bottleneck, to the same shape: here to itself."""
        return x, None


class AudioNetSimpleLSTM(RecurrentBottleneck, AudioNetSimple):
    """U-Net over the samples with bidirectional LSTMs before the bottleneck; arguments as of AudioNetSimple."""

    STRUCT = configuration.AudioNetSimpleLSTM
    config: configuration.AudioNetSimpleLSTM

    def build(self, config: configuration.AudioNetSimpleLSTM, device: str | torch.device | None) -> None:
        super().build(config, device)
        channels = config.hidden_channels * 2 ** (config.depth - 1)  # of the deepest level
        self.build_recurrent(config.recurrent_group * channels, device)

    def samples_per_step(self) -> int:
        return super().samples_per_step() * self.config.recurrent_group

    def transform_bottleneck(self, x: Tensor, noise: Tensor | None) -> tuple[Tensor, Latent | None]:
        """Applies recurrent layers along (batch, channels, steps)."""
        # Features are channels-last on both sides: to (batch, groups, steps of a group and channels).
        x = x.transpose(1, 2)
        sequence, latent = self.run_recurrent(x.unflatten(1, (-1, self.config.recurrent_group)).flatten(2), noise)
        return sequence.reshape(x.shape).transpose(1, 2), latent


class AudioNetVAE(VariationalBottleneck, AudioNetSimpleLSTM):
    """U-Net over the samples with a latent variable (Kingma and Welling 2013) and LSTMs before the bottleneck.

    Training samples the latent variable; evaluation takes its mean. Arguments as of AudioNetSimple.

    Attributes:
        mu, sigma: of the latent variable in the last `forward` while training, (batch, steps, latent); None
            before, and in a copy.
    """

    STRUCT = configuration.AudioNetVAE
