"""Weights files: a model's variables as safetensors, with the configuration in the metadata."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from flax.traverse_util import flatten_dict
from msgspec.structs import replace

from auralflow_core.config import Config, differing_keys
from auralflow_core.config.fields import without_tensors
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder, read_model
from auralflow_core.weights.file import FLAX, TORCH, TensorFile, nested, read_tensors, write_tensors
from auralflow_core.weights.names import to_flax
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.retarget import retarget
from auralflow_jax.trace_cache import traced_shapes
from auralflow_jax.variables import Variables, check_fits, flat, variables_of


def save_weights(path: str | Path, variables: Variables, config: Config, provenance: dict) -> None:
    """Writes variables, aside first.

    Args:
        path: a `.safetensors` file.
        variables: `params` and `batch_stats`; the tensors' names are their paths, joined by `/`.
        config: what built them.
        provenance: where they come from: step, epoch, validation figures.
    """
    write_tensors(path, TensorFile(FLAX, flat(jax.device_get(variables)), config, provenance))


def load_weights(path: str | Path) -> tuple[Variables, Config, dict]:
    """Reads what `save_weights` wrote, or the weights of a run in torch.

    Raises:
        InputError: the file is missing, damaged, or of another kind.
    """
    file = read_tensors(path, [FLAX, TORCH])
    return _variables(file, path), file.config, file.provenance


def load_variables(name_or_path: str | Path) -> tuple[Variables, Config, dict]:
    """Reads a model's variables, its configuration and their provenance.

    Args:
        name_or_path: a model folder, a file of weights, or a pretrained model's name.

    Raises:
        InputError: there is no such model, it was never trained, its file is damaged or of another kind, or its
            tensors are not those of its configuration.
    """
    file, path = read_model(name_or_path)
    expected = traced_shapes(abstract_variables, file.config)
    return variables_of(file, path, expected), file.config, file.provenance


def load_best(folder: ModelFolder) -> tuple[Variables, Config]:
    """The best weights of a model folder, and the configuration that they were trained with.

    Raises:
        InputError: there is no model, it was never trained, or the file is damaged.
    """
    file, path = read_model(folder.path)
    return _variables(file, path), file.config


def _variables(file: TensorFile, path: str | Path) -> Variables:
    """The variables in a file; those of torch are compared with the configuration's."""
    if file.format == FLAX:
        return nested(file, path)
    return to_flax(file.tensors, abstract_variables(file.config), str(path))


def load_for(folders: Sequence[ModelFolder], config: Config, expected: Variables) -> Variables:
    """The best weights of another model, or of one for each part of the model, to start from.

    Args:
        folders: of the other models; one, or for a model with branches one for each of them, in any order.
        config: of the model that is to get them; its settings, or those of the branch, may differ only where they
            shape no tensors; see `auralflow_core.config.doc`.
        expected: shapes of that model's variables.

    Returns:
        All variables; without those that join the branches, where there is one folder for each, and without those of
        targets, where they differ, see `retarget`.

    Raises:
        InputError: models that are no parts of this one, or not all of them; another architecture, naming the keys;
            tensors that do not fit; or statistics that would be thawed without ever having been taken.
    """
    branches = config.model.branches()
    loaded = [(folder, *load_best(folder)) for folder in folders]
    if len(loaded) == 1 and (not branches or type(loaded[0][2].model) is type(config.model)):
        folder, variables, theirs = loaded[0]
        variables = _fitting(folder, variables, config, theirs, expected)
        _check_statistics(folder, variables, config)
        return variables

    kinds = {type(branch): name for name, branch in branches.items()}
    found = [kinds.get(type(theirs.model), "") for _, _, theirs in loaded]
    if sorted(found) != sorted(branches):
        needed = " and one ".join(kind.__name__ for kind in kinds) if branches else type(config.model).__name__
        given = ", ".join(f"{folder.path} ({type(theirs.model).__name__})" for folder, _, theirs in loaded)
        whole = f", or one {type(config.model).__name__}" if branches else ""
        raise InputError(f"{type(config.model).__name__} starts from one {needed}{whole}; got {given}")
    parts = {}
    for name, (folder, variables, theirs) in zip(found, loaded, strict=True):
        part = {kind: tree.get(name, {}) for kind, tree in expected.items()}
        parts[name] = _fitting(folder, variables, replace(config, model=branches[name]), theirs, part)
    return {kind: {name: tree[kind] for name, tree in parts.items() if tree[kind]} for kind in expected}


def _fitting(
    folder: ModelFolder, variables: Variables, config: Config, theirs: Config, expected: Variables
) -> Variables:
    """The variables of another model that fit this one; those of targets that only one of them has are left out."""
    _check_alike(folder, config, theirs)
    if config.model.targets == theirs.model.targets:
        check_fits(variables, expected, str(folder.weights))
        return variables
    check_fits(variables, abstract_variables(theirs), str(folder.weights))
    kept = retarget(variables, config, theirs)
    if not any(flatten_dict(kept)):
        raise InputError(
            f"{folder.path}: separates {', '.join(theirs.model.targets)}, and nothing of it fits a "
            f"{type(config.model).__name__} of {', '.join(config.model.targets)}, which has a part for each target; "
            "a model with one of these targets is expected, or no --from"
        )
    return kept


def _check_alike(folder: ModelFolder, config: Config, theirs: Config) -> None:
    """Refuses weights of another architecture."""
    may_differ = without_tensors(type(config.model))
    if differing := differing_keys(config, theirs, may_differ):
        raise InputError(
            f"{folder.path}: its weights are of another architecture: {', '.join(differing)}; only these "
            f"may differ: {', '.join(may_differ)}"
        )


def _check_statistics(folder: ModelFolder, variables: Variables, config: Config) -> None:
    """Refuses to normalise by batch statistics what was trained without any, as Spleeter was: nothing would be left."""
    if getattr(config.model, "freeze_statistics", True):
        return
    statistics = flatten_dict(variables["batch_stats"])
    if all(np.all(value == (path[-1] == "var")) for path, value in statistics.items()):
        raise InputError(
            f"{folder.path}: its batch norms hold mean 0 and variance 1, so it was trained without "
            "statistics of batches; model.freeze_statistics is false, expected true"
        )
