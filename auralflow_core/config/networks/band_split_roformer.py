"""Settings of band-split RoFormers."""

from typing import Annotated, Any, ClassVar, Literal

from auralflow_core.config.base import Count, Fraction, Positive, Rate, doc
from auralflow_core.config.complex_spectrogram import ComplexSpectrogramConfig
from auralflow_core.config.model import Channels
from auralflow_core.dsp.bands import BandTable, mel_bands, published_bands, split_bands

Norms = Literal["end", "each"]
Positions = Literal["rotary", "polar"]


class BandSplitRoformer(ComplexSpectrogramConfig):
    """Transformers over frames and over bands in turn; a subclass for each kind of bands."""

    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio", "lr": 5e-4}
    SEGMENTS: ClassVar[int] = 1

    num_channels: Channels = 2
    hop_length: Positive = 441
    width: Annotated[Positive, doc("features of each band and frame")] = 384
    num_blocks: Annotated[Positive, doc("pairs of a transformer over the frames and one over the bands")] = 6
    time_layers: Annotated[Positive, doc("layers of each transformer over the frames")] = 1
    band_layers: Annotated[Positive, doc("layers of each transformer over the bands")] = 1
    heads: Annotated[Positive, doc("heads of attention")] = 8
    head_size: Annotated[Positive, doc("features of each head")] = 64
    positions: Annotated[Positions, doc("how attention learns the places of frames and bands")] = "rotary"
    norms: Annotated[Norms, doc("a norm at the end of the blocks, or of each transformer")] = "end"
    skip_connection: Annotated[
        bool, doc("hand each block the sum of the outputs of all blocks before it", tensors=False)
    ] = False
    mask_layers: Annotated[Count, doc("hidden layers of the networks that make a band's mask")] = 1
    mask_growth: Annotated[Positive, doc("features of those layers, as a multiple of width")] = 4
    dropout_p: Annotated[
        Fraction, doc("probability with which features inside a transformer are dropped in training", tensors=False)
    ] = 0.0
    remat: Annotated[
        bool,
        doc(
            "compute each block again for its gradient instead of keeping all that is inside: less memory",
            tensors=False,
        ),
    ] = True

    def __post_init__(self):
        super().__post_init__()
        if self.positions == "rotary" and self.head_size % 2:
            raise ValueError(f"head_size ({self.head_size}) must be even: rotary positions turn pairs of features")
        covered, bins = int(self.band_table.bins[-1]) + 1, self.num_fft // 2 + 1
        if covered != bins:
            raise ValueError(f"bands covers {covered} bins, num_fft ({self.num_fft}) has {bins}")

    @property
    def band_table(self) -> BandTable:
        """The bins of each band."""
        raise NotImplementedError

    @property
    def band_features(self) -> tuple[int, ...]:
        """The numbers of each band in one frame: real and imaginary part of every bin and channel."""
        return tuple(2 * self.num_channels * width for width in self.band_table.widths)


class BSRoformer(BandSplitRoformer):
    """BS-RoFormer: transformers over frames and over bands that lie side by side."""

    hop_length: Positive = 512
    width: Positive = 256
    num_blocks: Positive = 12
    bands: Annotated[
        tuple[Positive, ...], doc("bins of each band, the lowest first; default: the 62 published ones, for num_fft")
    ] = ()

    @property
    def band_table(self) -> BandTable:
        return split_bands(self.bands or published_bands(self.num_fft))


class MelBandRoformer(BandSplitRoformer):
    """Mel-Band RoFormer: transformers over frames and over bands that overlap, of equal width on the mel scale."""

    sample_rate: Annotated[Rate, doc("Hz", tensors=True)] = 44100  # decides the bins of each band
    norms: Norms = "each"
    mask_layers: Count = 2
    num_bands: Annotated[Positive, doc("bands of equal width on the mel scale")] = 60

    @property
    def band_table(self) -> BandTable:
        return mel_bands(self.sample_rate, self.num_fft, self.num_bands)
