"""Networks that others designed and trained, with their own defaults."""

from auralflow_core.config.base import Fraction, Positive
from auralflow_core.config.model import Channels
from auralflow_core.config.networks.spectrogram_net import SpectrogramConfig


class OpenUnmix(SpectrogramConfig, tag="OpenUnmix"):
    """Open-Unmix: a recurrent network for each target."""

    targets: tuple[str, ...] = ("bass", "drums", "other", "vocals")
    num_channels: Channels = 2
    num_fft: Positive = 4096
    window_size: Positive = 4096
    hop_length: Positive = 1024
    num_bins: Positive = 2049
    seen_bins: Positive = 1487  # of num_bins, the lowest, which the network reads; all of them are masked
    hidden_size: Positive = 512  # features of each frame inside; even
    recurrent_depth: Positive = 3  # stacked layers
    dropout_p: Fraction = 0.4

    def __post_init__(self):
        super().__post_init__()
        if self.seen_bins > self.num_bins:
            raise ValueError(f"seen_bins ({self.seen_bins}) must not exceed num_bins ({self.num_bins})")
        if self.hidden_size % 2:
            raise ValueError(f"hidden_size ({self.hidden_size}) must be even: half of it comes from each direction")
