"""Settings of Spleeter."""

from auralflow_core.config.base import Fraction, NonNegative, Positive
from auralflow_core.config.model import Channels
from auralflow_core.config.networks.spectrogram_net import Joiner, Padding, SpectrogramConfig


class SpleeterNet(SpectrogramConfig, tag="SpleeterNet"):
    """Spleeter: a strided U-Net for each target, whose masks meet as a ratio of powers."""

    targets: tuple[str, ...] = ("accompaniment", "vocals")
    num_channels: Channels = 2
    num_fft: Positive = 4096
    window_size: Positive = 4096
    hop_length: Positive = 1024
    padding: Padding = "constant"
    joiner: Joiner = "ratio"
    hidden_channels: Positive = 16  # of the first level; doubled at every further one
    depth: Positive = 6  # levels, each half the size of the one above
    leak_factor: NonNegative = 0.2  # slope of the rectifiers below zero
    dropout_p: Fraction = 0.5
    freeze_statistics: bool = False  # of the batch norms, while training: as Spleeter's own weights want it

    @property
    def alignment(self) -> int:
        return self.hop_length * 2**self.depth
