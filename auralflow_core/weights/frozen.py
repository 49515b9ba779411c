"""Frozen layers: the weights that training leaves as they are."""

from collections.abc import Collection
from fnmatch import fnmatchcase

from auralflow_core.errors import InputError, closest, shown
from auralflow_core.weights.names import torch_module

SETTING = "training.frozen"


def frozen_names(names: Collection[str], layers: Collection[str]) -> set[str]:
    """The names of the parameters that belong to frozen layers.

    Args:
        names: of all parameters, as in torch.
        layers: names of layers or parameters in torch, such as `down.0`, or in flax, such as `down_0`; a `*` stands for
            any characters.

    Raises:
        InputError: a layer does not exist, or nothing is left to train.

    Example:
        >>> sorted(frozen_names(["down.0.conv.weight", "down.1.conv.weight", "head.bias"], ["down_1", "*.bias"]))
        ['down.1.conv.weight', 'head.bias']
    """
    frozen = set[str]()
    for layer in layers:
        wanted = ".".join(map(torch_module, layer.replace("/", ".").split(".")))
        found = {name for name in names if name.startswith(f"{wanted}.") or fnmatchcase(name, wanted)}
        if not found:
            known = {".".join(parts[: end + 1]) for parts in (name.split(".") for name in names) for end in range(2)}
            raise InputError(f"{SETTING}: {shown(layer)} is no layer of the network; {closest(wanted, known)}")
        frozen |= found
    if frozen >= set(names):
        raise InputError(f"{SETTING}: {', '.join(map(shown, layers))} is all of the network, which leaves no weight")
    return frozen
