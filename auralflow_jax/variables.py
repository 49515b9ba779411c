"""A model's variables as files hold them, compared with those that its network has."""

from pathlib import Path
from typing import Any

from flax.traverse_util import flatten_dict

from auralflow_core.weights.file import FLAX, TensorFile, nested
from auralflow_core.weights.names import check_same, to_flax

Variables = dict[str, Any]  # "params" and "batch_stats", nested dicts of arrays


def variables_of(file: TensorFile, path: str | Path, expected: Variables) -> Variables:
    """The variables in a file of either framework.

    Args:
        file: its content.
        path: of the file, for messages.
        expected: arrays or shapes, from `jax.eval_shape` of the model's `init`.

    Raises:
        InputError: its tensors are not those expected.
    """
    if file.format != FLAX:
        return to_flax(file.tensors, expected, str(path))
    variables = nested(file, path)
    check_fits(variables, expected, str(path))
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
    check_same(flat(variables), flat(expected), origin)


def flat(variables: Variables) -> dict[str, Any]:
    """The leaves of variables by their paths, joined by `/`."""
    return flatten_dict(variables, sep="/")
