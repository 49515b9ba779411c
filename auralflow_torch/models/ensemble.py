"""Several models as one: an ensemble or a chain."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from msgspec import structs
from torch import Tensor, nn

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_torch.models.base import Estimate, SeparationModel


class Ensemble(SeparationModel):
    """An ensemble of models, or a chain of them, each with segments and a sample rate of its own.

    `load` makes one of a JSON that names the models. It separates whole signals, and has no network: to train, or to
    save, take its members.

    Args:
        settings: from `auralflow_core.ensembles.settings.ensemble_settings`.
        members: the models.

    Example:
        model = auralflow_torch.load("ensemble.json")
        stems = model.separate(audio, 44100)
    """

    def __init__(self, settings: Config, members: Sequence[SeparationModel]) -> None:
        nn.Module.__init__(self)
        self.config = settings
        self.member = nn.ModuleList(members)

    def __repr__(self) -> str:
        return f"Ensemble({self.config.model.combine}, {', '.join(map(repr, self.members))})"  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def members(self) -> tuple[SeparationModel, ...]:
        return tuple(self.member)  # pyright: ignore[reportReturnType]

    def estimate(self, audio: Tensor, *, noise: Tensor | None = None) -> Estimate:
        """Refuses: each member has segments and a sample rate of its own.

        Raises:
            InputError: always.
        """
        raise InputError(
            "an ensemble separates whole signals: expected `separate`, or `estimate` of one of its members"
        )

    def represent(self, audio: Tensor) -> Estimate:
        return Estimate(audio)

    def narrow(self, targets: Sequence[int]) -> Self:
        settings = structs.replace(self.config, model=self.config.model.narrowed(targets))
        return type(self)(settings, self.members)

    def save(self, folder: str | Path, provenance: Mapping[str, Any] = {}) -> None:
        """Refuses: the JSON that names the members is what a user keeps.

        Raises:
            InputError: always.
        """
        raise InputError(f"{folder}: an ensemble has no weights of its own; its members can be saved one by one")
