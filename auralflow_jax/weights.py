"""Weights files: a model's variables as safetensors, with the configuration in the metadata."""

import json
import struct
from pathlib import Path

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from auralflow import config as configuration
from auralflow.config import Config
from auralflow.errors import InputError
from auralflow.files import replacing
from auralflow.folder import ModelFolder
from auralflow_jax.state import Variables

# Settings in which two models may differ and still hold the same tensors.
MAY_DIFFER = ("model_name", "targets", "sample_rate", "padding", "high_bins", "joiner", "mask_activation",
              "leak_factor", "dropout_p", "hop_length")


def save_weights(path: str | Path, variables: Variables, config: Config, provenance: dict) -> None:
    """Writes variables, aside first.

    Args:
        path: a `.safetensors` file.
        variables: `params` and `batch_stats`; the tensors' names are their paths, joined by `/`.
        config: what built them.
        provenance: where they come from: step, epoch, validation figures.
    """
    # safetensors writes an array that is not contiguous scrambled, without an error.
    tensors = {name: np.ascontiguousarray(value)
               for name, value in flatten_dict(jax.device_get(variables), sep="/").items()}
    metadata = {"format": "auralflow-flax", "config": json.dumps(configuration.to_dict(config)),
                "provenance": json.dumps(provenance)}
    with replacing(path) as aside:
        save_file(tensors, aside, metadata)


def load_weights(path: str | Path) -> tuple[Variables, Config, dict]:
    """Reads what `save_weights` wrote.

    Raises:
        InputError: the file is missing, damaged, or was not written by `save_weights`.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{path}: no such weights file; train the model first") from None
    except (SafetensorError, OSError, struct.error) as error:
        raise InputError(f"{path}: not a readable safetensors file: {error}") from None
    if metadata.get("format") != "auralflow-flax":
        raise InputError(f"{path}: the metadata's format is {metadata.get('format')!r}, expected 'auralflow-flax'")
    config = configuration.from_dict(json.loads(metadata["config"]), f"{path} (metadata)")
    variables = unflatten_dict(tensors, sep="/")
    return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}, config, \
        json.loads(metadata["provenance"])


def load_for(folder: ModelFolder, config: Config, expected: Variables) -> Variables:
    """The best weights of another model, to start from.

    Args:
        folder: the other model's.
        config: of the model that is to get them; in its architecture it may differ by `MAY_DIFFER` only.
        expected: shapes of that model's variables.

    Raises:
        InputError: another architecture, naming the keys; or tensors that do not fit.
    """
    variables, theirs, _ = load_weights(folder.weights)
    if differing := differing_keys(config, theirs, MAY_DIFFER):
        raise InputError(f"{folder.path}: its weights are of another architecture: {', '.join(differing)}; only these "
                         f"may differ: {', '.join(MAY_DIFFER)}")
    check_fits(variables, expected, str(folder.weights))
    return variables


def check_fits(variables: Variables, expected: Variables, origin: str) -> None:
    """Compares names and shapes of all tensors with those of a model.

    Args:
        variables: what was loaded.
        expected: arrays or shapes, from `jax.eval_shape` of the model's `init`.
        origin: where the loaded ones come from, for the message.

    Raises:
        InputError: anything is missing, left over or of another shape; names the first of each kind.
    """
    found, wanted = (flatten_dict(tree, sep="/") for tree in (variables, expected))
    missing, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    misshapen = [f"{name} is {found[name].shape}, expected {wanted[name].shape}"
                 for name in sorted(wanted.keys() & found.keys()) if found[name].shape != wanted[name].shape]
    problems = [f"{len(names)} tensors {kind} ({names[0]})"
                for names, kind in ((missing, "missing"), (extra, "left over"), (misshapen, "of another shape")) if names]
    if problems:
        raise InputError(f"{origin}: the weights do not fit the model: {'; '.join(problems)}")


def differing_keys(ours: Config, theirs: Config, may_differ: tuple[str, ...] = ()) -> list[str]:
    """The settings of the model, each with both values, in which two configurations differ."""
    a, b = (configuration.to_dict(config)["model"] for config in (ours, theirs))
    return [f"{key} ({b.get(key)!r} there, {a.get(key)!r} here)" for key in sorted(a.keys() | b.keys())
            if a.get(key) != b.get(key) and key not in may_differ]
