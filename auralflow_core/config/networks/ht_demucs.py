"""Settings of HTDemucs."""

import math
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np
from msgspec import Meta

from auralflow_core.config.base import Count, Depth, Fraction, NonNegative, Positive, Width, check_widest, doc
from auralflow_core.config.model import Channels
from auralflow_core.config.networks.audio_net import WaveformConfig

STRIDE = 4  # of every level, in bins or samples

Residuals = Literal["encoder", "both"]
Share = Annotated[float, Meta(ge=0, le=1)]


class HTDemucs(WaveformConfig):
    """HTDemucs: a U-Net over the spectrum's bins and one over the samples, with a transformer between both."""

    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio", "lr": 3e-4}

    targets: tuple[str, ...] = ("bass", "drums", "other", "vocals")
    num_channels: Channels = 2
    num_fft: Annotated[Positive, doc("samples of one Fourier transform and its window; a quarter is the hop")] = 4096
    hidden_channels: Annotated[
        Width, check_widest, doc("channels of the first level; doubled at every further one")
    ] = 48
    depth: Annotated[Depth, doc("levels, each of which divides bins and samples by four")] = 4
    residual_depth: Annotated[Positive, doc("dilated convolutions of each residual branch")] = 2
    compression: Annotated[Positive, doc("ratio of a level's channels to those inside its residual branch")] = 8
    residuals: Annotated[Residuals, doc("levels with a residual branch: the encoders', or the decoders', too")] = "both"
    bin_embedding: Annotated[
        NonNegative, doc("weight of a table that tells the bins of the first level apart; 0: no table")
    ] = 0.2
    width: Annotated[Count, doc("features of the transformer; 0: the deepest level's channels")] = 512
    num_layers: Annotated[Positive, doc("layers of the transformer; every second one looks at the other branch")] = 5
    heads: Annotated[Positive, doc("heads of attention")] = 8
    dropout_p: Annotated[
        Fraction, doc("probability with which features inside the transformer are dropped in training", tensors=False)
    ] = 0.02
    members: Annotated[Positive, doc("networks of this kind, whose estimates are averaged")] = 1
    member_shares: Annotated[
        tuple[Share, ...],
        doc(
            "weights of that average: the first member's for all targets, then the next one's; default: 1",
            tensors=False,
        ),
    ] = ()

    def __post_init__(self):
        super().__post_init__()
        check_widest(self.hidden_channels, self.depth)
        if self.num_fft % (step := 2 * STRIDE**self.depth):
            raise ValueError(
                f"num_fft ({self.num_fft}) must be a multiple of {step}: each of {self.depth} levels divides its bins "
                f"by {STRIDE}"
            )
        if self.compression > self.hidden_channels:
            raise ValueError(
                f"compression ({self.compression}) must not exceed hidden_channels ({self.hidden_channels})"
            )
        if (width := self.transformer_width) % self.heads or width % 4:
            name = "width" if self.width else "hidden_channels, doubled at every further level,"
            raise ValueError(f"{name} ({width}) must be a multiple of heads ({self.heads}) and of 4")

        self._check_shares()

    def _check_shares(self) -> None:
        if not self.member_shares:
            return
        expected = self.members * len(self.targets)
        if self.members == 1 or len(self.member_shares) != expected:
            raise ValueError(
                f"member_shares has {len(self.member_shares)} weights, expected none, or of several members one for "
                f"each of {self.members} members and {len(self.targets)} targets"
            )
        if not np.reshape(self.member_shares, (self.members, -1)).sum(0).all():
            raise ValueError("member_shares gives a target no weight in any member")

    @property
    def member(self) -> "HTDemucs":
        """The settings of each member alone."""
        return msgspec.structs.replace(self, members=1, member_shares=())

    @property
    def member_weights(self) -> np.ndarray:
        """The weight of each member's estimate of each target, (members, targets); a target's have the sum 1."""
        shape = self.members, len(self.targets)
        weights = np.reshape(self.member_shares, shape) if self.member_shares else np.ones(shape)
        return weights / weights.sum(0)

    @property
    def levels(self) -> tuple[int, ...]:
        """The channels of each level."""
        return tuple(self.hidden_channels * 2**level for level in range(self.depth))

    @property
    def transformer_width(self) -> int:
        """The features of the transformer."""
        return self.width or self.levels[-1]

    @property
    def first_bins(self) -> int:
        """The bins behind the first level."""
        return self.num_fft // 2 // STRIDE

    @property
    def stft_sizes(self) -> tuple[int, int, int]:
        return self.num_fft, self.num_fft // 4, self.num_fft

    @property
    def alignment(self) -> int:
        return math.lcm(self.num_fft // 4, STRIDE**self.depth)
