"""Settings of SCNet."""

import math
from itertools import accumulate, pairwise
from typing import Annotated, Any, ClassVar, NamedTuple

from msgspec import Meta

from auralflow_core.config.base import Count, Positive, Width, doc
from auralflow_core.config.complex_spectrogram import ComplexSpectrogramConfig, Output
from auralflow_core.config.model import Channels
from auralflow_core.console.text import count
from auralflow_core.dsp.windows import Window

Share = Annotated[float, Meta(gt=0, lt=1)]


class Band(NamedTuple):
    """One band of a level, whose bins a strided convolution brings down.

    Attributes:
        start: its first bin.
        bins: how many.
        before: bins of zeros in front of them, so that no bin is left over.
        after: the same behind them.
        outputs: bins that come out.
    """

    start: int
    bins: int
    before: int
    after: int
    outputs: int


class SCNet(ComplexSpectrogramConfig):
    """SCNet: bands of bins that lose more of their resolution the higher they are, and LSTMs over bins and frames."""

    OUTPUT: ClassVar[Output] = "spectrum"
    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio", "lr": 5e-4}
    SEGMENTS: ClassVar[int] = 1

    targets: tuple[str, ...] = ("bass", "drums", "other", "vocals")
    num_channels: Channels = 2
    num_fft: Positive = 4096
    window_size: Positive = 4096
    hop_length: Positive = 1024
    window: Window = "ones"
    zero_dc: bool = False
    level_channels: Annotated[tuple[Width, ...], doc("channels of each level")] = (32, 64, 128)
    band_shares: Annotated[
        tuple[Share, ...], doc("shares of a level's bins in each band, the lowest first; their sum is 1")
    ] = (0.175, 0.392, 0.433)
    band_strides: Annotated[tuple[Positive, ...], doc("number by which each band's bins are divided at a level")] = (
        1,
        4,
        16,
    )
    band_kernels: Annotated[tuple[Positive, ...], doc("bins that the strided convolutions of each band see")] = (
        3,
        4,
        16,
    )
    band_depths: Annotated[tuple[Count, ...], doc("residual layers of each band at a level")] = (3, 2, 1)
    compression: Annotated[Positive, doc("ratio of a level's channels to those inside its residual layers")] = 4
    kernel_size: Annotated[Positive, doc("frames that the convolutions of residual layers see; odd")] = 3
    num_layers: Annotated[Positive, doc("pairs of an LSTM over the bins and one over the frames; even")] = 6
    expansion: Annotated[Positive, doc("features of a direction of the LSTMs, as a multiple of their inputs")] = 1
    masks: Annotated[bool, doc("estimate masks between -1 and 1, with a table that tells bins apart")] = False

    def __post_init__(self):
        super().__post_init__()
        bands = len(self.band_shares)
        for name in ("band_strides", "band_kernels", "band_depths"):
            if len(values := getattr(self, name)) != bands:
                raise ValueError(
                    f"{name} has {count(len(values), 'number')}, expected one for each of {bands} band_shares"
                )
        if not self.level_channels or not bands:
            raise ValueError("level_channels and band_shares must have at least one number")
        if abs(sum(self.band_shares) - 1) > 1e-3:
            raise ValueError(f"band_shares have the sum {sum(self.band_shares):g}, expected 1")
        if not self.kernel_size % 2:
            raise ValueError(f"kernel_size ({self.kernel_size}) must be odd")
        if self.num_layers % 2:
            raise ValueError(f"num_layers ({self.num_layers}) must be even: every second layer sees spectra of frames")
        if self.compression > min(self.level_channels):
            raise ValueError(
                f"compression ({self.compression}) must not exceed level_channels ({min(self.level_channels)})"
            )
        self._check_bands()

    def _check_bands(self) -> None:
        """Refuses bands that come out of a level empty, or that its transposed convolution could not fill again."""
        for level, bands in enumerate(self.levels):
            for number, band in enumerate(bands):
                stride, size = self.band_strides[number], self.band_kernels[number]
                if band.bins < 1 or band.outputs < 1 or (band.outputs - 1) * stride + size < band.bins:
                    raise ValueError(
                        f"band {number + 1} of level {level + 1} has {count(band.bins, 'bin')}, which does not suit "
                        f"band_strides {stride} and band_kernels {size}"
                    )

    @property
    def levels(self) -> tuple[tuple[Band, ...], ...]:
        """The bands of each level."""
        found, bins = [], self.num_fft // 2 + 1
        for _ in self.level_channels:
            ends = [math.ceil(bins * share) for share in accumulate(self.band_shares[:-1])]
            found.append(tuple(self._band(number, *ends) for number, ends in enumerate(pairwise((0, *ends, bins)))))
            bins = sum(band.outputs for band in found[-1])
        return tuple(found)

    def _band(self, number: int, start: int, stop: int) -> Band:
        stride, size, bins = self.band_strides[number], self.band_kernels[number], stop - start
        padding = size - 1 if stride == 1 else -bins % stride
        outputs = (bins + padding - size) // stride + 1
        return Band(start, bins, padding // 2, padding - padding // 2, outputs)

    def count_hops(self, samples: int) -> int:
        """An odd number, so that the number of frames is even; some zeros always follow the signal."""
        return 2 * ((samples // self.hop_length + 1) // 2) + 1
