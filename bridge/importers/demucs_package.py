"""Files of demucs: a network's arguments and its tensors in one, read without running what is in them.

A package, `.th`, is a file of `torch.save`; a `.safetensors` has the arguments as JSON in its metadata.
"""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from auralflow_core.config import Config, HDemucs, HTDemucs, differing_keys
from auralflow_core.config.fields import without_tensors
from auralflow_core.console.interrupts import check
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError, brief
from auralflow_core.optional import needs
from auralflow_core.storage.atomic import replacing, require_new
from bridge.importers.checkpoint import allowed_numbers, as_float32
from bridge.importers.demucs_arguments import HT, H
from bridge.importers.demucs_settings import to_arguments, to_config
from bridge.importers.demucs_state import from_demucs, to_demucs
from bridge.importers.rename import State

CLASSES = {"demucs.htdemucs.HTDemucs": HT, "demucs.hdemucs.HDemucs": H}
OTHERS = {"demucs.demucs.Demucs": "a Demucs of samples alone"}
READ = "HTDemucs and HDemucs are read"
SUFFIXES = (".th", ".safetensors")


class Network(NamedTuple):
    """A network of a file.

    Attributes:
        state: the state dict of our torch network.
        config: of the network, and for further training.
        sources: the targets in the file's order.
    """

    state: State
    config: Config
    sources: tuple[str, ...]


def read_package(path: str | Path, name: str = "") -> tuple[State, Config]:
    """The state dict and the configuration of a file; see `read_network`."""
    return read_network(path, name)[:2]


def read_network(path: str | Path, name: str = "") -> Network:
    """Reads an HTDemucs or HDemucs that demucs wrote.

    Args:
        path: a `.th`, or a `.safetensors` with arguments in its metadata.
        name: the model's, in its configuration.

    Raises:
        InputError: the file cannot be read or would run code, or holds another network.
        MissingPackage: torch, which reads packages, is not installed.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(
            f"{path}: ends in {path.suffix or 'nothing'}, expected a file of demucs: {', '.join(SUFFIXES)}"
        )
    with needs("torch"):
        import torch  # noqa: F401

    kind, arguments, tensors = (_read_pickled if path.suffix == ".th" else _read_safetensors)(path)
    if kind not in CLASSES:
        raise InputError(f"{path}: holds {OTHERS.get(kind, with_article(brief(kind)))}; {READ}")
    config, sources = to_config(arguments, name, str(path), CLASSES[kind])
    assert isinstance(config.model, HDemucs | HTDemucs)
    state = {key: as_float32(tensor, key, path) for key, tensor in tensors.items()}
    return Network(from_demucs(state, config.model, sources, str(path)), config, sources)


def read_published(paths: Sequence[Path], config: Config) -> State:
    """The state dict of our torch network, from the published package of a known one.

    Args:
        paths: the package, as the only element.
        config: with the network.

    Raises:
        InputError: the file cannot be read, or holds another network.
        MissingPackage: torch, which reads packages, is not installed.
    """
    (path,) = paths
    state, found = read_package(path)
    may_differ = without_tensors(type(config.model))
    if differing := differing_keys(config, found, may_differ):
        raise InputError(f"{path}: its network is another one: {', '.join(differing)}")
    if found.model.targets != config.model.targets:
        raise InputError(
            f"{path}: its sources are {', '.join(found.model.targets)}, expected {', '.join(config.model.targets)}"
        )
    return state


def write_package(path: str | Path, state: Mapping[str, np.ndarray], config: Config, origin: str) -> None:
    """Writes an HTDemucs or HDemucs for demucs, as float16 if that changes no number.

    Args:
        path: a new `.safetensors`, which appears whole or not at all.
        state: of our torch network.
        config: the model's configuration.
        origin: the model, for messages.

    Raises:
        InputError: the file exists already, or the network has no counterpart there.
    """
    from safetensors.numpy import save_file

    path = Path(path)
    if path.suffix != ".safetensors":
        raise InputError(f"{path}: a file for demucs must end in .safetensors")
    require_new(path)
    arguments, sources = to_arguments(config, origin)
    assert isinstance(config.model, HDemucs | HTDemucs)
    kind = next(kind for kind, signature in CLASSES.items() if isinstance(config.model, signature.network))
    theirs = to_demucs(state, config.model, sources)
    halved = {name: _halved(array) for name, array in theirs.items()}
    if all(np.array_equal(halved[name], array) for name, array in theirs.items()):
        theirs = halved
    metadata = {"klass": kind, "args": "[]", "kwargs": json.dumps({key: _encode(arguments[key]) for key in arguments})}
    with replacing(path) as aside:
        save_file({name: np.ascontiguousarray(array) for name, array in theirs.items()}, aside, metadata)
        check()  # before the file appears, so that the same command can be given again


class _Network:
    """Stands in for the classes that packages name, none of which is imported."""


def _read_pickled(path: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    from bridge.files import check_state, load_pickled

    kinds = {name: type(name, (_Network,), {}) for name in (*CLASSES, *OTHERS)}
    allowed = [*allowed_numbers(), *((kind, name) for name, kind in kinds.items()), Fraction]
    package = load_pickled(path, allowed)
    if not isinstance(package, dict) or not {"klass", "args", "kwargs", "state"} <= package.keys():
        raise InputError(f"{path}: holds no package of demucs, which has klass, args, kwargs and state")
    if isinstance(package["state"], dict) and package["state"].get("__quantized"):
        raise InputError(
            f"{path}: holds weights packed by diffq, which are not read; htdemucs is a better model without"
        )
    klass = package["klass"]
    kind = klass.__name__ if isinstance(klass, type) else repr(klass)
    return kind, _named(package["args"], package["kwargs"], path), check_state(package["state"], path)


def _read_safetensors(path: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if not {"klass", "args", "kwargs"} <= metadata.keys():
                raise InputError(f"{path}: its metadata hold no klass, args and kwargs, as files of demucs do")
            if "structure" in metadata:
                raise InputError(
                    f"{path}: holds weights packed by diffq, which are not read; htdemucs is a better model without"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of weights") from None
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a readable safetensors file, it is damaged or something else: {error}") from None
    args, kwargs = (_parse(metadata[key], key, path) for key in ("args", "kwargs"))
    return metadata["klass"], _named(args, kwargs, path), tensors


def _named(args: Any, kwargs: Any, path: Path) -> dict[str, Any]:
    """The arguments by name; the first may have none."""
    if not isinstance(args, list | tuple) or len(args) > 1 or not isinstance(kwargs, dict):
        raise InputError(f"{path}: its network has arguments without names, expected names for all but the sources")
    return {**kwargs, **({"sources": args[0]} if args else {})}


def _parse(text: str, key: str, path: Path) -> Any:
    def decode(value: dict) -> Any:
        if value.get("_type") != "fraction":
            return value
        return Fraction(value["numerator"], value["denominator"])

    try:
        return json.loads(text, object_hook=decode)
    except (ValueError, TypeError, KeyError, ZeroDivisionError, RecursionError):
        raise InputError(f"{path}: {key} in its metadata is {brief(text)}, expected JSON as demucs writes it") from None


def _encode(value: Any) -> Any:
    if isinstance(value, Fraction):
        return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}
    return value


def _halved(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and differs
        return array.astype(np.float16)
