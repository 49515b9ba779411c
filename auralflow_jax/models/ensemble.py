"""Several models as one: an ensemble or a chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, Self, cast

import jax
from flax import linen as nn
from msgspec import structs

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_jax.models.base import Estimate, SeparationModel, Variables


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble(SeparationModel):
    """An ensemble of models, or a chain of them, each with segments and a sample rate of its own.

    `load` makes one of a JSON that names the models. It separates whole signals, and has no network: to train, or to
    save, take its members, which are its variables.

    Example:
        model = auralflow_jax.load("ensemble.json")
        stems = model.separate(audio, 44100)
    """

    @classmethod
    def of(cls, settings: Config, members: Sequence[SeparationModel]) -> Self:
        """The ensemble of some models.

        Args:
            settings: from `auralflow_core.ensembles.settings.ensemble_settings`.
            members: the models.
        """
        return cls(cast(nn.Module, None), settings, {"members": tuple(members)})

    def __repr__(self) -> str:
        return f"Ensemble({self.settings.model.combine}, {', '.join(map(repr, self.members))})"  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def members(self) -> tuple[SeparationModel, ...]:
        return self._filled()["members"]

    def represent(self, audio: jax.Array) -> Estimate:
        return Estimate(audio)

    def narrow(self, targets: Sequence[int]) -> Self:
        settings = structs.replace(self.settings, model=self.settings.model.narrowed(targets))
        return replace(self, settings=settings)

    def save(self, folder: str | Path, provenance: Mapping[str, Any] = {}) -> None:
        """Refuses: the JSON that names the members is what a user keeps.

        Raises:
            InputError: always.
        """
        raise InputError(f"{folder}: an ensemble has no weights of its own; its members can be saved one by one")

    def apply_and_update(
        self, variables: Variables, audio: jax.Array, train: bool = False, key: jax.Array | None = None
    ) -> tuple[Estimate, dict]:
        """Refuses: each member has segments and a sample rate of its own.

        Raises:
            InputError: always.
        """
        _refuse()

    def example(self, samples: int) -> jax.Array:
        _refuse()

    def _run(self, variables: Variables, audio: jax.Array, train: bool, key: jax.Array | None) -> tuple[Estimate, dict]:
        _refuse()


def _refuse() -> NoReturn:
    raise InputError("an ensemble separates whole signals: expected `separate`, or `estimate` of one of its members")
