"""The folder of a pretrained model: its three files, written in one place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auralflow_core.config import Config
from auralflow_core.console.interrupts import check
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.atomic import new_folder
from auralflow_core.storage.staging import is_vacant
from auralflow_core.weights.file import TORCH, TensorFile, write_tensors
from bridge.importers.rename import State

CARD = "README.md"


def check_new(path: Path) -> None:
    """Refuses a folder that cannot be made.

    Raises:
        InputError: it exists and is not empty, or would lie in a file.
    """
    for parent in path.parents:
        if parent.is_file():
            raise InputError(f"{parent}: is a file, a folder for {path} is expected")
    if not is_vacant(path):
        raise InputError(f"{path}: exists already; a new or empty folder is expected")


def write_folder(path: Path, config: Config, state: State, provenance: Mapping[str, Any], card: str) -> None:
    """Writes config.json, the weights and the model card; the folder appears whole or not at all.

    An interruption is obeyed before the folder appears, so that the same command can be given again.

    Args:
        path: the folder, which does not exist or is empty.
        config: of the network.
        state: the torch state dict.
        provenance: where the weights come from, as plain data.
        card: the text about the model, in Markdown.
    """
    check()
    with new_folder(path) as staged:
        folder = ModelFolder(staged)
        folder.save_config(config)
        write_tensors(folder.weights, TensorFile(TORCH, state, config, dict(provenance)))
        (staged / CARD).write_text(card, encoding="utf-8")
        check()
