"""Settings of Open-Unmix."""

from typing import Annotated

from auralflow_core.config.base import Depth, Fraction, Positive, Width, doc
from auralflow_core.config.model import Channels
from auralflow_core.config.networks.spectrogram_net import SpectrogramConfig


class OpenUnmix(SpectrogramConfig):
    """Open-Unmix: a recurrent network for each target."""

    targets: tuple[str, ...] = ("bass", "drums", "other", "vocals")
    num_channels: Channels = 2
    num_fft: Positive = 4096
    window_size: Positive = 4096
    hop_length: Positive = 1024
    num_bins: Positive = 2049
    seen_bins: Annotated[
        Positive, doc("bins, the lowest of num_bins, that the network reads; all num_bins are masked")
    ] = 1487
    hidden_size: Annotated[Width, doc("features of each frame inside; even")] = 512
    recurrent_depth: Annotated[Depth, doc("stacked recurrent layers")] = 3
    dropout_p: Annotated[
        Fraction, doc("probability with which features between the recurrent layers are dropped", tensors=False)
    ] = 0.4

    def __post_init__(self):
        super().__post_init__()
        if self.seen_bins > self.num_bins:
            raise ValueError(f"seen_bins ({self.seen_bins}) must not exceed num_bins ({self.num_bins})")
        if self.hidden_size % 2:
            raise ValueError(f"hidden_size ({self.hidden_size}) must be even: half of it comes from each direction")
