"""Strict renaming of the tensors of a third-party state dict, and the order of its targets."""

from collections.abc import Mapping, Sequence

import numpy as np

from auralflow_core.errors import InputError
from auralflow_core.weights.names import COUNTER

State = dict[str, np.ndarray]  # torch names and arrays


def rename(state: Mapping[str, np.ndarray], modules: Mapping[str, str], dropped: frozenset[str], origin: str) -> State:
    """Gives the tensors of a third-party state dict our names.

    Args:
        state: names such as `encoder.conv1.weight`, and arrays.
        modules: their module -> ours: `encoder.conv1` -> `down.0`; the empty string stands for no module.
        dropped: names of tensors that the network does not need.
        origin: the file, for messages.

    Returns:
        The tensors under our names, and a counter for every norm that lacks one.

    Raises:
        InputError: a tensor belongs to no module in `modules`.

    Example:
        >>> rename({"a.b.weight": np.ones(3), "rate": np.ones(1)}, {"a.b": "head"}, frozenset({"rate"}), "file")
        {'head.weight': array([1., 1., 1.])}
    """
    renamed: State = {}
    for name, array in state.items():
        if name in dropped:
            continue
        module, _, leaf = name.rpartition(".")
        if module not in modules:
            raise InputError(f"{origin}: tensor {name!r} of shape {tuple(array.shape)} is no part of this network")
        renamed[f"{modules[module]}.{leaf}" if modules[module] else leaf] = array
    norms = [name.removesuffix("running_mean") for name in renamed if name.endswith("running_mean")]
    return {f"{norm}{COUNTER}": np.zeros((), np.int64) for norm in norms} | renamed


def order_of_targets(targets: Sequence[str], theirs: Sequence[str] | None, kind: str, origin: str) -> list[int]:
    """Their number of each of our targets.

    Args:
        targets: ours, sorted.
        theirs: the same names in their order. Default: ours.
        kind: their word for targets, for messages.
        origin: the file, for messages.

    Raises:
        InputError: the names are not the same.

    Example:
        >>> order_of_targets(("bass", "drums", "vocals"), ("drums", "bass", "vocals"), "sources", "file")
        [1, 0, 2]
    """
    names = list(targets if theirs is None else theirs)
    if sorted(names) != list(targets):
        raise InputError(
            f"{origin}: the {kind} are {', '.join(names)}, expected the targets {', '.join(targets)} in any order"
        )
    return [names.index(target) for target in targets]
