"""Model folders made from converted weights."""

from pathlib import Path
from typing import TYPE_CHECKING

from auralflow_core.config import Config, differing_keys
from auralflow_core.console.interrupts import check
from auralflow_core.errors import InputError, StorageError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.atomic import new_folder
from auralflow_core.storage.staging import is_vacant

if TYPE_CHECKING:
    from auralflow_jax.models.base import Variables
    from auralflow_jax.train.state import TrainState


def config_for(path: str | Path, stored: Config | None, source: str | Path) -> Config:
    """The configuration of a folder that weights are to go into.

    Args:
        path: a folder that does not exist, is empty, or has a config.json and no checkpoint.
        stored: the configuration in the file of weights, None where it holds none.
        source: that file, for messages.

    Raises:
        InputError: the folder holds something already, both configurations differ in the network, or both are missing.
    """
    folder = ModelFolder(path)
    if folder.checkpoint.exists():
        raise InputError(f"{folder.path}: has a checkpoint already, which is not overwritten; name a new folder")
    if not folder.config_file.exists():
        if not is_vacant(folder.path):
            raise InputError(f"{folder.path}: exists already and is no model folder; name a new folder")
        if stored is None:
            raise InputError(
                f"{source}: holds no configuration; make the folder with one first: "
                f"`auralflow config {folder.path} MODEL`"
            )
        return stored
    config = folder.load_config()
    check_network(stored or config, config, source, folder.config_file)
    return config


def check_network(found: Config, wanted: Config, source: str | Path, here: str | Path) -> None:
    """Compares what two configurations say of the model.

    Raises:
        InputError: they differ; names the settings, with what they are in `source` and `here`.
    """
    if differing := differing_keys(wanted, found, may_differ=("model_name",)):
        raise InputError(f"{source}: its weights are of another model than {here}: {', '.join(differing)}")


def write_folder(
    path: str | Path, config: Config, state: "TrainState", run: dict, best: "Variables | None", provenance: dict
) -> None:
    """Makes a model folder from which training goes on; it appears whole or not at all.

    Args:
        path: a folder that `config_for` has accepted.
        config: its configuration.
        state: the training state.
        run: `history` and `losses`.
        best: what becomes best.safetensors, if there is anything yet.
        provenance: where `best` comes from.
    """
    from auralflow_jax.train.checkpoint import Checkpoints
    from auralflow_jax.weights import save_weights

    folder = ModelFolder(path)
    has_config = folder.config_file.exists()  # then the folder stays, and gets its checkpoint
    with new_folder(folder.checkpoint if has_config else folder.path) as aside:
        staged = ModelFolder(aside.parent if has_config else aside)
        staged.save_config(config)
        checkpoints = Checkpoints(staged)
        try:
            checkpoints.save(state, config, run)
        except StorageError as error:
            raise StorageError(str(error).replace(str(staged.path), str(folder.path))) from error
        finally:
            checkpoints.close()
        if best is not None:
            save_weights(staged.weights, best, config, provenance)
        check()  # before the folder appears, so that the same command can be given again
