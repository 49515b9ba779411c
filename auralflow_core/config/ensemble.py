"""Settings of an ensemble or a chain of models, which its members' settings and its description make."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import msgspec
import numpy as np

from auralflow_core.config.base import NonNegative, Positive, doc
from auralflow_core.config.model import ModelConfig
from auralflow_core.config.shares import normalized
from auralflow_core.dsp.magnitudes import Statistic

Combination = Literal["mean", Statistic, "chain"]


class Ensemble(ModelConfig):
    """Several models as one. No configuration file holds it: see `auralflow_core.ensembles`."""

    FAMILY = "ensemble"

    combine: Annotated[Combination, doc("how the members' estimates become one")] = "mean"
    members: Annotated[Positive, doc("models")] = 1
    member_shares: Annotated[
        tuple[NonNegative, ...], doc("weights of targets: the first member's for all of them, then the next one's")
    ] = ()

    @property
    def member_weights(self) -> np.ndarray:
        """The weight of each member's estimate of each target, (members, targets); a target's have the sum 1.

        In a chain the one member that separates a target has 1. In narrowed settings a target may have none.
        """
        return normalized(self.member_shares, self.members, len(self.targets))

    def narrowed(self, targets: Sequence[int]) -> Self:
        """These settings without the members that have no part in some targets."""
        weights = self.member_weights
        others = np.setdiff1d(np.arange(len(self.targets)), list(targets))
        if self.combine == "chain":  # a member hears what all before it leave
            last = np.flatnonzero(weights[:, list(targets)].any(1))[-1]
            weights[last + 1 :] = 0
            weights[last, others] = 0
        else:
            weights[:, others] = 0
        return msgspec.structs.replace(self, member_shares=tuple(weights.ravel().tolist()))
