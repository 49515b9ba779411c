"""Pairs of a checkpoint and a file of settings, as Music-Source-Separation-Training writes and reads them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from auralflow_core.config import Config
from auralflow_core.console.interrupts import check
from auralflow_core.errors import InputError
from auralflow_core.optional import needs
from auralflow_core.storage.atomic import replacing_together, require_new
from auralflow_core.storage.staging import remove_abandoned
from bridge.importers import (
    band_split_roformer,
    demucs_arguments,
    demucs_msst_settings,
    demucs_state,
    msst_settings,
    scnet,
    scnet_settings,
    tfc_tdf,
    tfc_tdf_settings,
)
from bridge.importers.checkpoint import BS, HT, MASKED_SC, MDX, MEL, SC, H, family_of, read_checkpoint
from bridge.importers.rename import State
from bridge.importers.yaml_file import read_yaml, write_yaml


class Family(NamedTuple):
    """The maps of a kind of network; an importer and the file of its settings have them.

    Attributes:
        read_settings: (content, model's name, file's name) -> configuration, and targets in the checkpoint's order.
        from_theirs: (their state, struct, targets in their order, origin, called with each name that is used up) ->
            our state dict.
        write_settings: (configuration, origin) -> content, and targets in the file's order.
        to_theirs: (our state, struct, targets in their order) -> their state.
    """

    read_settings: Callable[[Mapping[str, Any], str, str], tuple[Config, tuple[str, ...]]]
    from_theirs: Callable[[State, Any, Sequence[str], str, Callable[[str], object]], State]
    write_settings: Callable[[Config, str], tuple[dict[str, Any], tuple[str, ...]]]
    to_theirs: Callable[[Mapping[str, np.ndarray], Any, Sequence[str]], State]


def _roformer(family: str) -> Family:
    return Family(
        lambda content, name, origin: msst_settings.to_config(content, family, name, origin),
        band_split_roformer.from_msst,
        msst_settings.to_settings,
        band_split_roformer.to_msst,
    )


def _demucs(signature: demucs_arguments.Signature) -> Family:
    return Family(
        lambda content, name, origin: demucs_msst_settings.from_msst_settings(content, signature, name, origin),
        lambda state, model, order, origin, used: demucs_state.from_demucs(state, model, order, origin),
        demucs_msst_settings.to_msst_settings,
        demucs_state.to_demucs,
    )


def _scnet(masks: bool) -> Family:
    return Family(
        lambda content, name, origin: scnet_settings.to_config(content, masks, name, origin),
        lambda state, model, order, origin, used: scnet.from_msst(state, model, order, origin),
        scnet_settings.to_settings,
        scnet.to_msst,
    )


FAMILIES = {
    BS: _roformer(BS),
    MEL: _roformer(MEL),
    HT: _demucs(demucs_arguments.HT),
    H: _demucs(demucs_arguments.H),
    SC: _scnet(False),
    MASKED_SC: _scnet(True),
    MDX: Family(
        tfc_tdf_settings.to_config,
        lambda state, model, order, origin, used: tfc_tdf.from_msst(state, model, order, origin),
        tfc_tdf_settings.to_settings,
        tfc_tdf.to_msst,
    ),
}


def read_pair(checkpoint: str | Path, settings: str | Path, name: str = "") -> tuple[State, Config]:
    """Reads a network of one of `FAMILIES` that others trained.

    Args:
        checkpoint: a `.ckpt` or `.safetensors`.
        settings: the `.yaml` that belongs to it.
        name: the model's, in its configuration.

    Returns:
        The state dict of our torch network, and the configuration of the network and for further training.

    Raises:
        InputError: a file cannot be read or would run code, the network is another one, or the two do not belong
            together.
        MissingPackage: torch, which reads checkpoints, is not installed.
    """
    described = read_yaml(settings)  # first, as it is the quicker one
    state = read_checkpoint(checkpoint)
    family = FAMILIES[family_of(state, checkpoint)]
    config, instruments = family.read_settings(described, name, str(settings))
    origin = f"{checkpoint} with {settings}"
    return family.from_theirs(state, config.model, instruments, origin, state.pop), config


def read_published(paths: Sequence[Path], config: Config, instruments: Sequence[str]) -> State:
    """The state dict of our torch network, from a published checkpoint of a known network.

    Args:
        paths: the checkpoint, as the only element.
        config: with the network.
        instruments: the targets in the checkpoint's order.

    Raises:
        InputError: the file cannot be read, or holds another network.
        MissingPackage: torch, which reads checkpoints, is not installed.
    """
    (path,) = paths
    state = read_checkpoint(path)
    return _family(config).from_theirs(state, config.model, instruments, str(path), state.pop)


def write_pair(checkpoint: str | Path, state: Mapping[str, np.ndarray], config: Config, origin: str) -> Path:
    """Writes a network of one of `FAMILIES` for Music-Source-Separation-Training and the programs that read its files.

    Args:
        checkpoint: a new `.ckpt`; the settings go into a new `.yaml` next to it. Both files appear whole, or neither.
        state: of our torch network.
        config: the model's configuration.
        origin: the model, for messages.

    Returns:
        The file of settings.

    Raises:
        InputError: a file exists already, or the network has no counterpart there.
        MissingPackage: torch, which writes checkpoints, is not installed.
    """
    checkpoint = Path(checkpoint)
    if checkpoint.suffix != ".ckpt":
        raise InputError(f"{checkpoint}: a checkpoint must end in .ckpt")
    described = checkpoint.with_suffix(".yaml")
    if checkpoint.parent.is_dir():
        remove_abandoned(checkpoint.parent)  # which can complete the files of a process that was killed
    for path in (checkpoint, described):
        require_new(path)
    family = _family(config)
    settings, instruments = family.write_settings(config, origin)
    with needs("torch"):
        import torch
    theirs = family.to_theirs(state, config.model, instruments)
    with replacing_together(checkpoint.parent, (checkpoint, described)) as (aside, yaml_aside):
        write_yaml(yaml_aside, settings)
        try:
            torch.save({name: torch.from_numpy(array) for name, array in theirs.items()}, aside)
        except RuntimeError as error:  # torch's writer does not say what the system reports
            reason = str(error).splitlines()[0]
            raise OSError(f"{checkpoint}: cannot be written, the disk may be full ({reason})") from None
        check()  # before the files appear, so that the same command can be given again
    return described


def _family(config: Config) -> Family:
    """The maps of a network of ours; of one that has none those of RoFormers, which refuse it."""
    return FAMILIES.get(type(config.model).__name__, FAMILIES[BS])
