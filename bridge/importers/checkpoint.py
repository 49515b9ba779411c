"""Checkpoints of Music-Source-Separation-Training, read without running what is in them, and told apart by their names.

Such a file is one of `torch.save`, or of safetensors. It holds a state dict, or a training state with one inside.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auralflow_core.errors import InputError
from auralflow_core.optional import needs
from bridge.importers.rename import State
from bridge.importers.superseded import VOCALS, refuse_superseded

if TYPE_CHECKING:
    import torch

BS, MEL, HT, H, SC, MDX = "BSRoformer", "MelBandRoformer", "HTDemucs", "HDemucs", "SCNet", "TFCTDF"
MASKED_SC = "SCNet that makes masks"

SUFFIXES = (".ckpt", ".safetensors")
INSIDE = ("state", "state_dict", "model_state_dict")  # of a training state
PREFIXES = ("module.", "model.", "_orig_mod.")
SHARED_BIASES = ("linear_62_bias_0", "linear_64_bias_0")  # of an early six-stem BS-RoFormer, where they are zeros

# Parts of tensors' names that give away networks which are not read; the first that occurs counts.
OTHERS = {
    "lora_": "adapters (LoRA), which are no whole model",
    ".branch.": "a RoFormer of the later bs-roformer package, with residual streams",
    "to_value_residual_mix": "a RoFormer of the later bs-roformer package, with value residuals",
    "dynamic_alpha_fn": "a RoFormer of the later bs-roformer package, with hyper-connections",
    "stg1_": f"a VR network: {VOCALS}",
}
READ = "BS-RoFormers, Mel-Band RoFormers, HTDemucs, HDemucs, SCNets and MDX23C networks are read"
OTHER_SUFFIXES = {".th": "a package of demucs, which takes no settings", ".zip": "an archive"}


def read_checkpoint(path: str | Path) -> State:
    """Reads the tensors of a checkpoint.

    Args:
        path: ends in one of `SUFFIXES`.

    Returns:
        Names without the prefixes that wrappers add, and arrays of float32, from types that it holds exactly.

    Raises:
        InputError: the file is missing, damaged, would run code, or holds a network that is not read.
        MissingPackage: torch, which reads the files, is not installed.
    """
    path = Path(path)
    refuse_superseded(path)
    if path.suffix not in SUFFIXES:
        other = f"a file that ends in {path.suffix}" if path.suffix else "a file without a suffix"
        kind = OTHER_SUFFIXES.get(path.suffix, other)
        raise InputError(f"{path}: is {kind}; {READ}, from files that end in {' or '.join(SUFFIXES)}")
    with needs("torch"):
        import torch  # noqa: F401
    from bridge.files import check_state, load_pickled

    if path.suffix == ".ckpt":
        tensors = check_state(_unwrapped(load_pickled(path, allowed_numbers()), path), path)
    else:
        tensors = _read_safetensors(path)
    tensors = _stripped(tensors)
    refuse_others(tensors, path)
    found: State = {}
    for name in list(tensors):  # each is let go as it is converted: a file of half types is in memory once
        tensor = tensors.pop(name)
        if not _is_zero_bias(name, tensor):
            found[name] = as_float32(tensor, name, path)
    return found


def family_of(state: Iterable[str], path: str | Path) -> str:
    """`BS`, `MEL`, `HT`, `H`, `SC`, `MASKED_SC` or `MDX`, by the names of a checkpoint's tensors.

    Args:
        state: the names.
        path: of the file, for messages.

    Raises:
        InputError: it is none of them.
    """
    names = set(state)
    refuse_others(names, path)
    if "band_split.to_features.0.0.gamma" in names:
        if "final_norm.gamma" in names:
            return BS
        if "layers.0.0.norm.gamma" in names:
            return MEL
    if any(name.startswith("tencoder.") for name in names):
        return HT if any(name.startswith("crosstransformer.") for name in names) else H
    if "separation_net.dp_modules.0.lstm_layers.0.weight_ih_l0" in names and "encoder.0.globalconv.weight" in names:
        return MASKED_SC if "pos_embed_f" in names else SC
    if "encoder_blocks.0.tfc_tdf.blocks.0.tfc1.2.weight" in names:
        return MDX
    first = f", its first is {min(names)!r}" if names else ""
    raise InputError(f"{path}: holds a network of another kind ({len(names)} tensors{first}); {READ}")


def refuse_others(names: Iterable[str], path: str | Path) -> None:
    """Refuses networks that are known, and not read.

    Raises:
        InputError: a name gives one of `OTHERS` away.
    """
    names = list(names)
    for part, kind in OTHERS.items():
        if found := next((name for name in names if part in name), None):
            raise InputError(f"{path}: holds {kind} (tensor {found!r}); {READ}")


def allowed_numbers() -> list[Any]:
    """The types that training states hold in addition to tensors and plain data: numbers of numpy."""
    scalar = np.float64(0).__reduce__()[0]
    modules = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before and since numpy 2
    types = [np.dtype, np.dtypes.Float64DType, np.dtypes.Float32DType]
    return [*((scalar, name) for name in modules), *types]


def _unwrapped(content: Any, path: Path) -> Any:
    if not isinstance(content, dict):
        return content
    for key in INSIDE:
        if isinstance(content.get(key), dict):
            return content[key]
    if any(isinstance(value, dict) for value in content.values()):
        raise InputError(
            f"{path}: holds {', '.join(map(str, content))}, expected a state dict, or {' or '.join(INSIDE)}"
        )
    return content


def _read_safetensors(path: Path) -> "dict[str, torch.Tensor]":
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
        return {name: _read_tensor(path, name) for name in names}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of weights") from None
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file, it is damaged or something else: {error}") from None


def _read_tensor(path: Path, name: str) -> "torch.Tensor":
    """A copy of one tensor. The file is mapped for this long, as what was read of a map counts as used memory."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return file.get_tensor(name).clone()


def _stripped(tensors: "Mapping[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """The tensors without a prefix that all names have; wrappers can be nested."""
    for prefix in (*PREFIXES, *PREFIXES):
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return dict(tensors)


def _is_zero_bias(name: str, tensor: "torch.Tensor") -> bool:
    return name in SHARED_BIASES and not bool(tensor.any())


def as_float32(tensor: "torch.Tensor", name: str, path: Path) -> np.ndarray:
    """A tensor of a file as an array of float32.

    Raises:
        InputError: its type has numbers that are none of float32, it claims more memory than the file has, or it holds
            values that are not finite.
    """
    import torch

    if tensor.layout != torch.strided:
        raise InputError(f"{path}: tensor {name!r} has the layout {tensor.layout}; dense tensors are read")
    kind = f"{tensor.dtype} on {tensor.device}"
    if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16) or tensor.device.type != "cpu":
        raise InputError(f"{path}: tensor {name!r} is of type {kind}; float32, float16 and bfloat16 are read")
    if tensor.nbytes > path.stat().st_size:
        raise InputError(f"{path}: tensor {name!r} has {tensor.nbytes} bytes, more than the file")
    array = tensor.detach().to(torch.float32).numpy()
    if array.size and not np.isfinite([array.min(), array.max()]).all():
        raise InputError(f"{path}: tensor {name!r} holds NaN or infinite values, with which nothing can be separated")
    return array
