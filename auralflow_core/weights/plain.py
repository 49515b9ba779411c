"""State dicts that `torch.save` or safetensors wrote, without a configuration, which is in config.json next to them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.storage.json_files import read_json

PREFIX = "network."  # of the names in a model's state dict; those in its network's lack it
WRAPPERS = ("module.", "_orig_mod.")  # of DistributedDataParallel and torch.compile, before these
PICKLED = (".pt", ".pth", ".bin")  # the suffixes of files that torch.save wrote


def config_beside(path: str | Path) -> Config:
    """The configuration of a file of tensors: config.json in its folder, or in the one above.

    Raises:
        InputError: there is none, or it is not valid.
    """
    folder = Path(path).absolute().parent
    for file in (folder / "config.json", folder.parent / "config.json"):
        if file.is_file():
            return configuration.from_dict(read_json(file), str(file))
    raise InputError(f"{path}: holds tensors and no configuration, which is expected as config.json next to it")


def network_tensors(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a model's or of a network's state dict, also of a wrapped one, by the network's names."""
    found = dict(tensors)
    for prefix in (*WRAPPERS, *WRAPPERS, PREFIX, *WRAPPERS):  # in any order, and the network alone may be wrapped
        if found and all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): array for name, array in found.items()}
    return found
