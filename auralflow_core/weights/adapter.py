"""Files of low-rank adapters (LoRA): small safetensors files that change the weights of the model that they belong to.

Their tensors are `<weight>.lora_A` (..., rank, inputs) and `<weight>.lora_B` (..., outputs, rank) for weights under
torch's names. A weight (..., outputs, inputs) becomes weight + alpha / rank · B A.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auralflow_core.config import Config
from auralflow_core.errors import InputError, shown
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import LORA, TensorFile, read_tensors, write_tensors
from auralflow_core.weights.names import COUNTER

State = dict[str, np.ndarray]  # torch names and arrays
FACTORS = (".lora_A", ".lora_B")


@dataclass(frozen=True)
class Adapter:
    """The content of a file.

    Attributes:
        tensors: both factors of each adapted weight.
        base: the name of the model that the adapter was trained for.
        base_sha256: of that model's weights, see `digest`.
        rank: of the products.
        alpha: alpha / rank is their factor.
        config: of the run that trained it.
        provenance: the best epoch.
    """

    tensors: State
    base: str
    base_sha256: str
    rank: int
    alpha: float
    config: Config
    provenance: dict


def write_adapter(path: str | Path, adapter: Adapter) -> None:
    """Writes a file atomically."""
    base = {"name": adapter.base, "sha256": adapter.base_sha256}
    provenance = {"base": base, "rank": adapter.rank, "alpha": adapter.alpha, **adapter.provenance}
    write_tensors(path, TensorFile(LORA, adapter.tensors, adapter.config, provenance))


def read_adapter(path: str | Path) -> Adapter:
    """Reads a file of `write_adapter`.

    Args:
        path: the file, or the folder of a model that was trained with a `lora_rank`.

    Raises:
        InputError: the file is missing, damaged or of another format, or its metadata are not those of an adapter.
    """
    path = ModelFolder(path).adapter if Path(path).is_dir() else Path(path)
    file = read_tensors(path, [LORA])
    provenance = dict(file.provenance)
    base = provenance.pop("base", None)
    rank, alpha = (provenance.pop(name, None) for name in ("rank", "alpha"))
    is_known = isinstance(base, dict) and all(isinstance(base.get(name), str) for name in ("name", "sha256"))
    if not (is_known and isinstance(rank, int) and isinstance(alpha, int | float) and rank > 0):
        raise InputError(f"{path}: the metadata's provenance lacks an adapter's base, rank and alpha")
    assert isinstance(base, dict)
    return Adapter(file.tensors, base["name"], base["sha256"], rank, float(alpha), file.config, provenance)


def merge(state: Mapping[str, np.ndarray], path: str | Path, model: str) -> State:
    """The weights of a model with an adapter.

    Args:
        state: the weights of the model that the adapter was trained for, under torch's names.
        path: of the adapter, see `read_adapter`.
        model: the model's name or file, for messages.

    Returns:
        A state dict in which the adapted weights are new arrays.

    Raises:
        InputError: see `read_adapter`; or the adapter was trained for other weights, or its tensors are not both
            factors of some.
    """
    adapter = read_adapter(path)
    if (found := digest(state)) != adapter.base_sha256:
        raise InputError(
            f"{path}: was trained for the model {shown(adapter.base)}, whose weights have the SHA-256 "
            f"{adapter.base_sha256[:12]}...; those of {model} have {found[:12]}..."
        )
    merged, scale = dict(state), np.float32(adapter.alpha / adapter.rank)
    for name in sorted({tensor.removesuffix(FACTORS[0]).removesuffix(FACTORS[1]) for tensor in adapter.tensors}):
        a, b = (adapter.tensors.get(name + factor) for factor in FACTORS)
        weight = state.get(name)
        if a is None or b is None or weight is None or not _fit(a, b, weight):
            raise InputError(f"{path}: its tensors {shown(name)} are not both factors of a weight of {model}")
        merged[name] = weight + scale * (b @ a).astype(weight.dtype)
    return merged


def _fit(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> bool:
    """Whether the product of two factors can be added to a weight."""
    if not 2 <= a.ndim == b.ndim == weight.ndim:
        return False
    *stack, outputs, inputs = weight.shape
    rank = a.shape[-2]
    return a.shape == (*stack, rank, inputs) and b.shape == (*stack, outputs, rank)


def digest(state: Mapping[str, np.ndarray]) -> str:
    """The SHA-256 of a model's weights, which is the same for files of either framework.

    Args:
        state: torch names and arrays; the numbers of batches that norms have seen do not count.
    """
    total = hashlib.sha256()
    for name, array in sorted(state.items()):
        if not name.endswith(COUNTER):
            total.update(f"{name}={array.dtype.str}{array.shape}:".encode())
            total.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return total.hexdigest()
