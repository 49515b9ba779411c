"""Bags of demucs: several networks whose estimates are averaged, as one network of several members."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from auralflow_core.config import Config, HTDemucs, differing_keys, from_dict, to_dict
from auralflow_core.errors import InputError, brief
from bridge.importers.demucs_package import SUFFIXES, read_network, read_published
from bridge.importers.rename import State
from bridge.importers.yaml_file import read_yaml


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
    path, bag = Path(path), read_yaml(path)
    signatures = bag.get("models")
    if not isinstance(signatures, list) or not signatures or not all(isinstance(one, str) for one in signatures):
        raise InputError(
            f"{path}: models is {signatures!r}, expected the signatures of a bag of demucs; settings of a checkpoint "
            "belong to --settings"
        )
    files = [_file_of(path, signature) for signature in signatures]
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
        shares = _shares(bag.get("weights"), len(members), first.sources, path)
        settings["model"] |= {"members": len(members), "member_shares": shares}
    if bag.get("segment") is not None:
        settings["dataset"]["sample_length"] = bag["segment"]
    return _join([member.state for member in members]), from_dict(settings, str(path))


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


def _shares(weights: Any, members: int, sources: Sequence[str], path: Path) -> list[float]:
    """The weights of a bag, for each member in the order of our targets, which are sorted."""
    if weights is None:
        return []
    rows = weights if isinstance(weights, list) else []
    if len(rows) != members or not all(isinstance(row, list) and len(row) == len(sources) for row in rows):
        expected = f"{members} lists of {len(sources)} numbers"
        raise InputError(f"{path}: weights is {brief(str(weights))}, expected {expected}")
    return [row[sources.index(target)] for row in rows for target in sorted(sources)]
