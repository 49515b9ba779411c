"""Loading the models that an ensemble or a chain names."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from auralflow_core.config import Config
from auralflow_core.ensembles.description import Description
from auralflow_core.ensembles.settings import ensemble_settings
from auralflow_core.errors import InputError


class Model(Protocol):
    """A model of one of the frameworks."""

    @property
    def settings(self) -> Config: ...


M = TypeVar("M", bound=Model)


def load_members(
    description: Description,
    load: Callable[[Path], M],
    join: Callable[[Config, Sequence[M]], M],
    adapter: str | Path | None = None,
) -> M:
    """Loads all models of an ensemble, one that is named twice once, and joins them.

    Args:
        description: of the ensemble, which may name others.
        load: loads the model of a folder or file.
        join: makes a model of an ensemble's settings and its members.
        adapter: of low-rank adapters: refused, as they belong to a single model.

    Raises:
        InputError: an adapter, a member that cannot be loaded, or members that do not fit each other.
    """
    if adapter is not None:
        raise InputError(f"{adapter}: adapters belong to a single model, and {description.origin} is an ensemble")
    loaded: dict[Path, M] = {}

    def whole(model: Path | Description) -> M:
        if isinstance(model, Description):
            members = [whole(part.model) for part in model.members]
            return join(ensemble_settings(model, [member.settings for member in members]), members)
        if model not in loaded:
            loaded[model] = load(model)
        return loaded[model]

    return whole(description)
