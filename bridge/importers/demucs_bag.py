"""Bags of demucs: several networks whose estimates are averaged, as one network of several members."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from auralflow_core.config import Config, HTDemucs, differing_keys, from_dict, to_dict
from auralflow_core.errors import InputError, brief, closest, shown
from bridge.importers.demucs_package import SUFFIXES, read_network, read_published
from bridge.importers.demucs_settings import seconds_of
from bridge.importers.msst_groups import LARGEST
from bridge.importers.rename import State
from bridge.importers.yaml_file import read_yaml

KEYS = ("models", "weights", "segment")
MOST_MEMBERS = 32


def read_bag(path: str | Path, name: str = "") -> tuple[State, Config]:
    """Reads the networks that a bag names, from the files next to it.

    Args:
        path: a `.yaml` with `models`, the signatures that the files' names begin with; perhaps `weights`, for each
            model and source; and perhaps `segment`, in seconds.
        name: the model's, in its configuration.

    Returns:
        The state dict of our torch network, and the configuration of the network and for further training.

    Raises:
        InputError: a file is missing or cannot be read, or its networks are not all of one kind.
        MissingPackage: torch, which reads packages, is not installed.
    """
    path = Path(path)
    bag = _read(path)
    files = [_file_of(path, signature) for signature in bag["models"]]
    members = [read_network(file, name) for file in files]
    first = members[0]
    for file, member in zip(files, members, strict=True):
        if differing := differing_keys(first.config, member.config):
            raise InputError(f"{path}: {file.name} and {files[0].name} differ: {', '.join(differing)}")
        if member.sources != first.sources:
            raise InputError(f"{path}: {file.name} and {files[0].name} have their sources in different orders")
    settings: dict[str, Any] = to_dict(first.config)
    if len(members) > 1:
        if not isinstance(first.config.model, HTDemucs):
            kind = type(first.config.model).__name__
            raise InputError(f"{path}: names {len(members)} models that are {kind}; of several only HTDemucs is read")
        shares = _shares(bag.get("weights"), first.sources, len(members), path)
        settings["model"] |= {"members": len(members), "member_shares": shares}
    if bag.get("segment") is not None:
        settings["dataset"]["sample_length"] = _segment(bag["segment"], first.config, path)
    return _join([member.state for member in members]), from_dict(settings, str(path))


def members_of(path: str | Path) -> list[Path]:
    """The files of the networks that a bag names.

    Raises:
        InputError: the bag cannot be read, or a file is missing.
    """
    path = Path(path)
    return [_file_of(path, signature) for signature in _read(path)["models"]]


def read_published_bag(paths: Sequence[Path], config: Config) -> State:
    """The state dict of our torch network, from the published packages of a known bag.

    Args:
        paths: the packages, one for each member.
        config: with the network.

    Raises:
        InputError: a file cannot be read, or holds another network.
        MissingPackage: torch, which reads packages, is not installed.
    """
    single = replace(config, model=config.model.member) if isinstance(config.model, HTDemucs) else config
    return _join([read_published([path], single) for path in paths])


def _join(states: Sequence[State]) -> State:
    """The state dict of a network of several members; of one its own."""
    if len(states) == 1:
        return states[0]
    return {f"member.{index}.{name}": array for index, state in enumerate(states) for name, array in state.items()}


def _read(path: Path) -> dict[str, Any]:
    """The content of a bag, with signatures as its `models`."""
    bag = read_yaml(path)
    if "models" not in bag:
        raise InputError(
            f"{path}: names no models, so it is no bag of demucs; if it is the settings of a checkpoint, name the "
            "checkpoint instead"
        )
    for key in bag:
        if key not in KEYS:
            raise InputError(f"{path}: unknown key {brief(key)} of a bag of demucs; {closest(key, KEYS)}")
    signatures = bag["models"]
    if not isinstance(signatures, list) or not signatures or not all(isinstance(one, str) for one in signatures):
        raise InputError(f"{path}: models is {shown(signatures)}, expected the signatures of a bag of demucs")
    if len(signatures) > MOST_MEMBERS:
        raise InputError(f"{path}: models has {len(signatures)} signatures, expected at most {MOST_MEMBERS}")
    return bag


def _segment(value: Any, config: Config, path: Path) -> float:
    """The seconds of a segment; HTDemucs has none that are longer than those that it was trained on."""
    seconds, own = float(seconds_of(value, f"{path}: segment")), config.dataset.sample_length
    return min(seconds, own) if isinstance(config.model, HTDemucs) else seconds


def _file_of(path: Path, signature: str) -> Path:
    """The file next to a bag whose name is a signature, perhaps with a checksum behind it."""
    if signature != Path(signature).name:
        raise InputError(
            f"{path}: models has {signature!r}, expected signatures, as the names of files next to it begin"
        )
    found = [
        file
        for file in sorted(path.parent.iterdir())
        if file.suffix in SUFFIXES and file.stem.partition("-")[0] == signature
    ]
    if not found:
        raise InputError(f"{path}: no file {signature}.th or {signature}.safetensors lies next to it")
    return found[0]


def _shares(weights: Any, sources: Sequence[str], members: int, path: Path) -> list[float]:
    """The weights of a bag, for each member in the order of our targets, which are sorted; none is above 1.

    The mean divides each source's weights by their sum, so that a common factor has no effect.
    """
    if weights is None:
        return []
    rows = weights if isinstance(weights, list) else []
    if len(rows) != members or not all(isinstance(row, list) and len(row) == len(sources) for row in rows):
        expected = f"{members} lists of {len(sources)} numbers"
        raise InputError(f"{path}: weights is {shown(weights)}, expected {expected}")
    for member, row in enumerate(rows):
        for source, weight in enumerate(row):
            if type(weight) not in (int, float) or not 0 <= weight <= LARGEST:
                found = f"weights[{member}][{source}] is {shown(weight)}"
                raise InputError(f"{path}: {found}, expected a number from 0 to {LARGEST}")
    largest = np.max(rows, axis=0)
    if not largest.all():
        raise InputError(f"{path}: weights gives {sources[int(largest.argmin())]} no weight in any member")
    order = [sources.index(target) for target in sorted(sources)]
    return (np.array(rows, np.float64) / np.maximum(largest, 1))[:, order].ravel().tolist()
