"""Weights files: a model's variables as safetensors, with the configuration in the metadata."""

from pathlib import Path

import jax
from flax.traverse_util import flatten_dict

from auralflow.config import Config, differing_keys
from auralflow.errors import InputError
from auralflow.folder import ModelFolder
from auralflow.naming import check_same, to_flax
from auralflow.tensors import FLAX, TORCH, TensorFile, nested, read_tensors, write_tensors
from auralflow_jax import networks
from auralflow_jax.state import Variables

# Settings in which two models may differ and still hold the same tensors.
MAY_DIFFER = ("model_name", "targets", "sample_rate", "padding", "high_bins", "joiner", "mask_activation",
              "leak_factor", "dropout_p", "hop_length", "freeze_statistics")


def save_weights(path: str | Path, variables: Variables, config: Config, provenance: dict) -> None:
    """Writes variables, aside first.

    Args:
        path: a `.safetensors` file.
        variables: `params` and `batch_stats`; the tensors' names are their paths, joined by `/`.
        config: what built them.
        provenance: where they come from: step, epoch, validation figures.
    """
    tensors = flatten_dict(jax.device_get(variables), sep="/")
    write_tensors(path, TensorFile(FLAX, tensors, config, provenance))


def load_weights(path: str | Path) -> tuple[Variables, Config, dict]:
    """Reads what `save_weights` wrote, or the weights of a run in torch.

    Raises:
        InputError: the file is missing, damaged, of another kind, or its tensors are not its configuration's.
    """
    file = read_tensors(path, [FLAX, TORCH])
    if file.format == FLAX:
        return nested(file, path), file.config, file.provenance
    model = networks.build(file.config)
    expected = jax.eval_shape(lambda: model.init(jax.random.key(0), file.config.crop_samples))
    return to_flax(file.tensors, expected, str(path)), file.config, file.provenance


def load_best(folder: ModelFolder) -> tuple[Variables, Config]:
    """The best weights of a model folder, and the configuration that they were trained with.

    Raises:
        InputError: there is no model, it was never trained, or the file is damaged.
    """
    return load_weights(folder.find_weights())[:2]


def load_for(folder: ModelFolder, config: Config, expected: Variables) -> Variables:
    """The best weights of another model, to start from.

    Args:
        folder: the other model's.
        config: of the model that is to get them; in its architecture it may differ by `MAY_DIFFER` only.
        expected: shapes of that model's variables.

    Raises:
        InputError: another architecture, naming the keys; or tensors that do not fit.
    """
    variables, theirs = load_best(folder)
    if differing := differing_keys(config, theirs, MAY_DIFFER):
        raise InputError(f"{folder.path}: its weights are of another architecture: {', '.join(differing)}; only these "
                         f"may differ: {', '.join(MAY_DIFFER)}")
    check_fits(variables, expected, str(folder.weights))
    return variables


def check_fits(variables: Variables, expected: Variables, origin: str) -> None:
    """Compares names, shapes and types of all tensors with those of a model.

    Args:
        variables: what was loaded.
        expected: arrays or shapes, from `jax.eval_shape` of the model's `init`.
        origin: where the loaded ones come from, for the message.

    Raises:
        InputError: anything is missing, left over or of another shape or type; names the first of each kind.
    """
    check_same(*(flatten_dict(tree, sep="/") for tree in (variables, expected)), origin)
