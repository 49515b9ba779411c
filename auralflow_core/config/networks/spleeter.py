"""Settings of Spleeter."""

from typing import Annotated

from auralflow_core.config.base import Depth, Fraction, NonNegative, Positive, Width, check_widest, doc
from auralflow_core.config.model import Channels
from auralflow_core.config.networks.spectrogram_net import Joiner, SpectrogramConfig
from auralflow_core.config.stft import Padding


class SpleeterNet(SpectrogramConfig):
    """Spleeter: a strided U-Net for each target, whose masks are joined as a ratio of powers."""

    targets: tuple[str, ...] = ("accompaniment", "vocals")
    num_channels: Channels = 2
    num_fft: Positive = 4096
    window_size: Positive = 4096
    hop_length: Positive = 1024
    padding: Padding = "constant"
    joiner: Joiner = "ratio"
    hidden_channels: Annotated[
        Width, check_widest, doc("channels of the first level; doubled at every further one")
    ] = 16
    depth: Annotated[Depth, doc("levels, each half the size of the one above")] = 6
    leak_factor: Annotated[NonNegative, doc("slope of the encoder's rectifiers below zero", tensors=False)] = 0.2
    dropout_p: Annotated[
        Fraction, doc("probability with which values of the decoder's deeper half are dropped", tensors=False)
    ] = 0.5
    freeze_statistics: Annotated[
        bool,
        doc("use the stored statistics of the norms in training, too, as Spleeter's weights need it", tensors=False),
    ] = False

    def __post_init__(self):
        super().__post_init__()
        check_widest(self.hidden_channels, self.depth)

    @property
    def alignment(self) -> int:
        return self.hop_length * 2**self.depth
