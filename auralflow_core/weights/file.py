"""Files of tensors: safetensors with a configuration and a provenance in the metadata."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.console.text import count
from auralflow_core.errors import InputError, shown
from auralflow_core.storage.atomic import replacing
from auralflow_core.storage.json_files import parse_json
from auralflow_core.weights.plain import PICKLED, config_beside, network_tensors

FLAX = "auralflow-flax"  # variables, named by their paths joined by `/`
TORCH = "auralflow-torch"  # a torch state dict
TRAINING = "auralflow-torch-training"  # a whole training state, under torch's names
LORA = "auralflow-lora"  # low-rank adapters, under torch's names
CHECKSUM = "sha256"  # the metadata's entry; files of earlier versions lack it


@dataclass(frozen=True)
class TensorFile:
    """The content of a file.

    Attributes:
        format: FLAX, TORCH, TRAINING or LORA.
        tensors: name -> array.
        config: the configuration of the network.
        provenance: the origin of the tensors, as plain data: for weights the best epoch, for a training state the
            `history` and `losses` of the run.
    """

    format: str
    tensors: dict[str, np.ndarray]
    config: Config
    provenance: dict

    def __repr__(self) -> str:
        model, targets = type(self.config.model).__name__, ", ".join(self.config.model.targets)
        return f"TensorFile({self.format!r}, {count(len(self.tensors), 'tensor')}, {model} of {targets})"


def write_tensors(path: str | Path, file: TensorFile) -> None:
    """Writes a file atomically.

    Args:
        path: ends in `.safetensors`.
        file: its content.

    Raises:
        InputError: the provenance holds what JSON cannot, such as a number that is not finite.
    """
    # safetensors scrambles arrays that are not contiguous, without an error.
    tensors = {name: np.asarray(array, order="C") for name, array in file.tensors.items()}
    metadata = {
        "format": file.format,
        "config": json.dumps(configuration.to_dict(file.config)),
        "provenance": json.dumps(file.provenance),
    }
    for key in ("config", "provenance"):
        parse_json(metadata[key], f"{path}: {key}")  # as it will be read
    metadata[CHECKSUM] = checksum(metadata, tensors)
    with replacing(path) as aside:
        save_file(tensors, aside, metadata)


def checksum(metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> str:
    """The SHA-256 that a file keeps of what it says and holds, whatever the order.

    Args:
        metadata: text by name; entries other than ours are left out.
        tensors: contiguous arrays, as they are stored.
    """
    digest = hashlib.sha256()
    for key in sorted(metadata.keys() & {"format", "config", "provenance"}):
        digest.update(f"{key}={len(metadata[key])}:{metadata[key]}".encode())
    for name, array in sorted(tensors.items()):
        digest.update(f"{name}={array.dtype.str}{array.shape}:".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def read_tensors(
    path: str | Path, formats: Iterable[str] = (FLAX, TORCH, TRAINING), only_metadata: bool = False
) -> TensorFile:
    """Reads a file.

    Args:
        path: a safetensors file; float16 tensors, as in small files, become float32, in which networks compute. One
            that holds a torch state dict alone has its configuration in config.json next to it.
        formats: the accepted formats.
        only_metadata: do not read the tensors.

    Raises:
        InputError: the file is missing, or damaged, as its checksum tells; it has another format, or its configuration
            is not valid.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            names = [] if only_metadata else file.keys()
            tensors = {name: _tensor(file, name, path) for name in sorted(names)}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of weights") from None
    except (SafetensorError, OSError) as error:
        if Path(path).suffix in PICKLED and Path(path).is_file():
            raise InputError(
                f"{path}: is a file of torch.save, which auralflow_torch reads; `auralflow convert to-jax` puts it "
                "into a model folder that has its config.json"
            ) from None
        raise InputError(f"{path}: not a readable safetensors file, it is damaged or something else: {error}") from None
    found = metadata.get("format")
    if found in (None, "pt", "np") and "config" not in metadata and TORCH in formats:
        return _plain(path, tensors)
    if found is None or found not in formats:
        raise InputError(f"{path}: the metadata's format is {shown(found)}, expected {' or '.join(map(repr, formats))}")
    if not only_metadata and metadata.get(CHECKSUM, expected := checksum(metadata, tensors)) != expected:
        raise InputError(f"{path}: is damaged: its tensors and metadata are not those that its checksum was made of")
    if missing := {"config", "provenance"} - metadata.keys():
        raise InputError(f"{path}: the metadata lack a {' and a '.join(sorted(missing))}")
    config = parse_json(metadata["config"], f"{path}: config")
    # Files of earlier versions may hold a figure that is not finite, which does no harm there.
    provenance = parse_json(metadata["provenance"], f"{path}: provenance", finite=False)
    if not isinstance(provenance, dict):
        raise InputError(f"{path}: the metadata's provenance is {shown(provenance)}, expected an object")
    tensors = {
        name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in tensors.items()
    }
    return TensorFile(found, tensors, configuration.from_dict(config, f"{path} (metadata)"), provenance)


def _plain(path: str | Path, tensors: dict[str, np.ndarray]) -> TensorFile:
    """The content of a file that holds a state dict alone."""
    config = config_beside(path)
    wide = {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in tensors.items()}
    return TensorFile(TORCH, network_tensors(wide), config, {})


def _tensor(file: safe_open, name: str, path: str | Path) -> np.ndarray:
    kind = file.get_slice(name).get_dtype()
    # numpy has other types, such as BF16, only if some package has registered them.
    if not re.fullmatch(r"[FIU](8|16|32|64)|BOOL", kind):
        raise InputError(f"{path}: tensor {shown(name)} is of type {kind}, which numpy does not have; F32 is accepted")
    return file.get_tensor(name)


def nested(file: TensorFile, path: str | Path) -> dict[str, dict]:
    """The variables in a file with format FLAX, as nested dicts.

    Args:
        file: its content.
        path: of the file, for messages.

    Raises:
        InputError: a tensor is in neither collection of variables, or its name is also that of a group of tensors.
    """
    variables: dict[str, Any] = {"params": {}, "batch_stats": {}}
    for name, array in file.tensors.items():
        *modules, leaf = name.split("/")
        if not modules or modules[0] not in variables:
            raise InputError(
                f"{path}: tensor {shown(name)} of shape {array.shape} is no variable of a network; params/... "
                "and batch_stats/... are"
            )
        node = variables
        for module in modules:
            node = node.setdefault(module, {})
            if not isinstance(node, dict):
                raise InputError(f"{path}: tensor {shown(name)} lies below another tensor")
        if leaf in node:
            raise InputError(f"{path}: tensor {shown(name)} is also a group of tensors")
        node[leaf] = array
    return variables
