"""Other models' weights, from which a new run starts, and the record of them that its folder keeps."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flax.traverse_util import flatten_dict

from auralflow_core.config import Config
from auralflow_core.console.text import count
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder, display_name
from auralflow_core.storage.json_files import read_json, write_json
from auralflow_jax.models.base import Variables
from auralflow_jax.retarget import fresh_tensors
from auralflow_jax.weights import load_for


@dataclass
class Start:
    """The weights of other models, from which a new run starts."""

    weights: Variables
    folders: list[ModelFolder]  # of those models
    note: str  # a sentence that tells what starts from them, and what starts fresh

    @property
    def name(self) -> str:
        """The names of the models."""
        return " and ".join(display_name(folder.path) for folder in self.folders)

    def take(self) -> Variables:
        """The weights, for the run's first state; they are not kept here, where they would stay until the run ends."""
        weights, self.weights = self.weights, {}
        return weights

    def record(self, folder: ModelFolder) -> None:
        """Writes down in the run's folder what it starts from, in case it is stopped before its first checkpoint."""
        folder.start.parent.mkdir(parents=True, exist_ok=True)
        write_json(folder.start, {"from": [_relative(other.path, folder.path) for other in self.folders]})

    def is_that_of(self, folder: ModelFolder) -> bool:
        """Whether the run in a folder started from the same models."""
        return [other.path.resolve() for other in recorded(folder)] == [own.path.resolve() for own in self.folders]


def read_start(others: Sequence[str | Path], config: Config, expected: Variables) -> Start:
    """Reads the weights that a new run starts from.

    Args:
        others: the folders of the models.
        config: of the run.
        expected: shapes of its variables.

    Raises:
        InputError: the weights do not fit, see `load_for`, or not all of them do and the run trains adapters.
    """
    folders = list(map(ModelFolder, others))
    weights = load_for(folders, config, expected)
    return Start(weights, folders, _describe(folders, config, weights, expected))


def recorded(folder: ModelFolder) -> list[ModelFolder]:
    """The models that the run in a folder started from; none where it has no record of any."""
    if not folder.start.exists():
        return []
    record = read_json(folder.start)
    names = record.get("from") if isinstance(record, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{folder.start}: holds no list `from` of the models that the run started from")
    return [ModelFolder(os.path.normpath(folder.path / name)) for name in names]


def unfinished_start(folder: ModelFolder) -> list[Path]:
    """The models that a run began with, if it was stopped before its first checkpoint."""
    return [] if folder.steps else [other.path for other in recorded(folder)]


def _relative(other: Path, folder: Path) -> str:
    """The path from a folder to another, which stays right where both are moved, and names nobody's home."""
    try:
        return os.path.relpath(other.resolve(), folder.resolve())
    except ValueError:  # another drive of Windows
        return str(other.resolve())


def _describe(others: Sequence[ModelFolder], config: Config, weights: Variables, expected: Variables) -> str:
    """Says which tensors come from other models, and which start fresh."""
    names, fresh = " and ".join(str(other.path) for other in others), fresh_tensors(weights, expected)
    total = len(flatten_dict(expected))
    if not fresh:
        return f"Starts from the weights of {names}, all {count(total, 'tensor')}."
    if config.training.lora_rank:
        raise InputError(
            f"{names}: lacks {len(fresh)} of the {total} tensors of this model, such as {fresh[0]}; low-rank adapters "
            "(training.lora_rank) are trained for a model that has all of them"
        )
    theirs = sorted({target for other in others for target in other.load_config().model.targets})
    why = ""
    if theirs != list(config.model.targets):
        why = f": that model separates {', '.join(theirs)}, and this one {', '.join(config.model.targets)}"
    return (
        f"Starts from the weights of {names}, {total - len(fresh)} of {total} tensors; the others start fresh{why} "
        f"({fresh[0]}{' and others' if len(fresh) > 1 else ''})."
    )
