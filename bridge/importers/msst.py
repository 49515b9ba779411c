"""Pairs of a checkpoint and a file of settings, as Music-Source-Separation-Training writes and reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from auralflow_core.config import BandSplitRoformer, Config, HTDemucs
from auralflow_core.errors import InputError
from auralflow_core.optional import needs
from auralflow_core.storage.atomic import replacing_together
from auralflow_core.storage.staging import remove_abandoned
from bridge.importers.band_split_roformer import from_msst, to_msst
from bridge.importers.checkpoint import HT, family_of, read_checkpoint
from bridge.importers.demucs_msst_settings import from_msst_settings, to_msst_settings
from bridge.importers.demucs_state import from_demucs, to_demucs
from bridge.importers.msst_settings import to_config, to_settings
from bridge.importers.rename import State
from bridge.importers.yaml_file import read_yaml, write_yaml


def read_pair(checkpoint: str | Path, settings: str | Path, name: str = "") -> tuple[State, Config]:
    """Reads a band-split RoFormer or HTDemucs that others trained.

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
    family = family_of(state, checkpoint)
    if family == HT:
        config, sources = from_msst_settings(described, name, str(settings))
        return from_demucs(state, _demucs(config), sources, f"{checkpoint} with {settings}"), config
    config, instruments = to_config(described, family, name, str(settings))
    return from_msst(state, _network(config), instruments, f"{checkpoint} with {settings}", state.pop), config


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
    return from_msst(state, _network(config), instruments, str(path), state.pop)


def write_pair(checkpoint: str | Path, state: Mapping[str, np.ndarray], config: Config, origin: str) -> Path:
    """Writes a RoFormer or HTDemucs for Music-Source-Separation-Training and the programs that read its files.

    Args:
        checkpoint: a new `.ckpt`; the settings go into a new `.yaml` beside it. Both files appear whole, or neither.
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
        if path.exists():
            raise InputError(f"{path}: exists already and is not overwritten; name another file with -o")
    is_demucs = isinstance(config.model, HTDemucs)
    settings, instruments = (to_msst_settings if is_demucs else to_settings)(config, origin)
    with needs("torch"):
        import torch
    theirs = (
        to_demucs(state, _demucs(config), instruments) if is_demucs else to_msst(state, _network(config), instruments)
    )
    with replacing_together(checkpoint.parent, (checkpoint, described)) as (aside, yaml_aside):
        write_yaml(yaml_aside, settings)
        try:
            torch.save({name: torch.from_numpy(array) for name, array in theirs.items()}, aside)
        except RuntimeError as error:  # torch's writer does not say what the system reports
            reason = str(error).splitlines()[0]
            raise OSError(f"{checkpoint}: cannot be written, the disk may be full ({reason})") from None
    return described


def _network(config: Config) -> BandSplitRoformer:
    assert isinstance(config.model, BandSplitRoformer)
    return config.model


def _demucs(config: Config) -> HTDemucs:
    assert isinstance(config.model, HTDemucs)
    return config.model
