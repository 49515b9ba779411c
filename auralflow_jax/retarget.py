"""Weights of a model for one that separates other targets: what fits is kept, what belongs to a target alone is not."""

from typing import Any

from flax.traverse_util import flatten_dict, unflatten_dict
from msgspec.structs import replace

from auralflow_core.config import Config
from auralflow_jax.models.base import Variables, abstract_variables

TreePath = tuple[str, ...]  # the names from the root of nested dicts to a leaf


def retarget(variables: Variables, config: Config, theirs: Config) -> Variables:
    """The variables that a model with other targets can start from.

    Networks with a part for each target keep those of the targets that both models have. Tensors that hold all targets
    at once, such as a last layer, are left out: they start fresh.

    Args:
        variables: those of the other model.
        config: of the model that is to get them.
        theirs: of the other model; the same but for settings that shape no tensors, and for the targets.

    Returns:
        Some or all variables of the model; of equal targets all that came in.
    """
    ours, others = config.model.targets, theirs.model.targets
    if ours == others:
        return variables
    # Two models that differ by a target show which tensors depend on their number, and which belong to one of them.
    two, three = (_shapes(config, count) for count in (2, 3))
    shared = {path for path in two if two[path].shape != three[path].shape}
    parts = {
        name.removesuffix("2")
        for path in three.keys() - two.keys()
        for place, name in enumerate(path)
        if name.endswith("_2") and (*path[:place], name[:-1] + "1", *path[place + 1 :]) in two
    }
    flat = flatten_dict(variables)
    kept = {}
    for path in flatten_dict(abstract_variables(config)):
        source = _source(path, parts, ours, others)
        if path not in shared and source in flat:
            kept[path] = flat[source]
    return unflatten_dict(kept) | {kind: {} for kind in variables.keys() - {path[0] for path in kept}}


def fresh_tensors(found: Variables, expected: Variables) -> list[str]:
    """The names of the tensors that a model has and some variables lack."""
    return sorted("/".join(path) for path in flatten_dict(expected).keys() - flatten_dict(found).keys())


def _shapes(config: Config, targets: int) -> dict[TreePath, Any]:
    names = tuple(f"target {index}" for index in range(targets))
    return flatten_dict(abstract_variables(replace(config, model=replace(config.model, targets=names))))


def _source(path: TreePath, parts: set[str], ours: tuple[str, ...], theirs: tuple[str, ...]) -> TreePath | None:
    """The path in the other model of what has this path in ours; None if it belongs to a target that it lacks.

    Args:
        path: in our model.
        parts: beginnings of the names of modules for one target, whose number follows.
        ours: our targets, in their order.
        theirs: those of the other model.
    """
    names = []
    for name in path:
        prefix, underscore, index = name.rpartition("_")
        if prefix + underscore in parts and index.isdecimal():
            if (target := ours[int(index)]) not in theirs:
                return None
            name = f"{prefix}_{theirs.index(target)}"
        names.append(name)
    return tuple(names)
