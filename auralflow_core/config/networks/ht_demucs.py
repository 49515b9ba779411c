"""Settings of HTDemucs."""

from collections.abc import Sequence
from typing import Annotated, Self

import msgspec
import numpy as np
from msgspec import Meta

from auralflow_core.config.base import Count, Fraction, Positive, doc
from auralflow_core.config.networks.demucs import STRIDE, DemucsConfig
from auralflow_core.config.shares import normalized
from auralflow_core.console.text import count

Share = Annotated[float, Meta(ge=0, le=1)]


class HTDemucs(DemucsConfig):
    """HTDemucs: a U-Net over the spectrum's bins and one over the samples, with a transformer between both."""

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
        if self.num_fft % (step := 2 * STRIDE**self.depth):
            raise ValueError(
                f"num_fft ({self.num_fft}) must be a multiple of {step}: each of {self.depth} levels divides its bins "
                f"by {STRIDE}"
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
                f"member_shares has {count(len(self.member_shares), 'weight')}, expected none, or of several "
                f"members one for each of {count(self.members, 'member')} and {count(len(self.targets), 'target')}"
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
        return normalized(self.member_shares, self.members, len(self.targets))

    def narrowed(self, targets: Sequence[int]) -> Self:
        """These settings, in which members that have no weight in the wanted targets have none in any."""
        if self.members == 1:
            return self
        weights = self.member_weights
        needed = weights[:, list(targets)].any(1)
        weights[~needed] = 0
        weights[np.ix_(needed, ~weights.any(0))] = 1  # a target needs some weight
        return msgspec.structs.replace(self, member_shares=tuple(weights.ravel().tolist()))

    @property
    def transformer_width(self) -> int:
        """The features of the transformer."""
        return self.width or self.levels[-1].features
