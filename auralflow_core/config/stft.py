"""The settings of a short-time Fourier transform, which the families of networks of spectra share."""

from typing import Annotated, Literal

from auralflow_core.config.base import Positive, doc
from auralflow_core.config.model import ModelConfig
from auralflow_core.dsp.windows import Window

Padding = Literal["reflect", "constant"]


class StftConfig(ModelConfig):
    """A model whose network stands between an STFT and its inverse. It belongs to no family by itself."""

    num_fft: Annotated[Positive, doc("samples of one Fourier transform; even")] = 2048
    window_size: Annotated[Positive, doc("samples of the window")] = 2048
    hop_length: Annotated[Positive, doc("samples from one frame to the next", tensors=False)] = 768
    padding: Annotated[Padding, doc("continuation of the signal's ends before the STFT", tensors=False)] = "reflect"

    def __post_init__(self):
        super().__post_init__()
        if self.num_fft % 2:
            raise ValueError(f"num_fft ({self.num_fft}) must be even, so that frames have a middle")
        if self.window_size > self.num_fft:
            raise ValueError(f"window_size ({self.window_size}) must not exceed num_fft ({self.num_fft})")
        if 4 * self.hop_length > 3 * self.window_size:
            raise ValueError(
                f"hop_length ({self.hop_length}) must not exceed three quarters of window_size "
                f"({self.window_size}): with less overlap the STFT cannot be inverted"
            )

    def count_hops(self, samples: int) -> int:
        """The number of hops to which a signal of `samples` samples is padded."""
        return -(-samples // self.hop_length)

    def count_frames(self, samples: int) -> int:
        """The number of frames of a signal of `samples` samples, with its padding."""
        return 1 + self.count_hops(samples)

    @property
    def window_kind(self) -> Window:
        """The window of the STFT."""
        return "hann"

    @property
    def shortest_crop(self) -> int:
        return self.window_size

    @property
    def stft_sizes(self) -> tuple[int, int, int]:
        return self.num_fft, self.hop_length, self.window_size

    @property
    def alignment(self) -> int:
        return self.hop_length
