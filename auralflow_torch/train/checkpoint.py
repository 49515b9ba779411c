"""Checkpoints of a run in torch: the only file that knows their contents."""

import contextlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from auralflow_core import config as configuration
from auralflow_core.config import differing_keys
from auralflow_core.errors import InputError, StorageError, brief
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.atomic import replacing
from auralflow_core.storage.lock import sole_run
from auralflow_core.storage.staging import remove_abandoned
from auralflow_core.training.record import check_record
from auralflow_core.training.schedule import best_epoch
from auralflow_core.weights.file import TORCH, TensorFile, read_tensors, write_tensors
from auralflow_torch.models import SeparationModel
from auralflow_torch.train.training_state import arrays

FORMAT = "auralflow-torch-trainer"


class Checkpoints:
    """The last state of a run and its best weights, in a model's folder; each is written to another name, then renamed.

    The state is written before the weights. A run that ends between the two finds the best weights in its last state.

    Args:
        folder: the model's.
        model: what is trained; its configuration goes with the weights.
    """

    def __init__(self, folder: ModelFolder, model: SeparationModel) -> None:
        self.folder, self.model = folder, model

    def open(self, resume: bool) -> tuple[dict | None, Path | None]:
        """Makes the folder ready for a run.

        Args:
            resume: go on with the run that the folder holds, if any; otherwise that is moved aside.

        Returns:
            The state to go on from, None for a new run; and where an earlier run was moved to, or None.

        Raises:
            InputError: the folder belongs to another model; it has weights but no state; or the state is damaged.
        """
        if self.folder.config_file.exists():
            self._check(self.folder.load_config(), self.folder.config_file)
        else:
            self.folder.save_config(self.model.config)
        if self.folder.checkpoint.is_dir():
            remove_abandoned(self.folder.checkpoint)
        if not resume:
            return None, self.folder.move_run_aside()
        if self.folder.last.exists():
            return self._load(), None
        if self.folder.checkpoint.exists() and any(self.folder.checkpoint.iterdir()):
            raise InputError(
                f"{self.folder.checkpoint}: holds another run, which cannot go on here as it has no "
                f"{self.folder.last.name}; name a new folder, or move it aside with resume=False"
            )
        return None, None

    def save(self, state: dict, history: Sequence[dict], weights: Mapping[str, Tensor] | None) -> None:
        """Writes the state, and the weights of the best epoch.

        Args:
            state: plain data and tensors.
            history: one dict for each epoch, with `valid_loss`.
            weights: those that the best epoch validated, a state dict of the network; None if they are written already.

        Raises:
            StorageError: they cannot be written; the earlier ones remain.
        """
        file = {"format": FORMAT, "config": configuration.to_dict(self.model.config), "state": state}
        try:
            with replacing(self.folder.last) as aside:
                torch.save(file, aside)
            if weights is not None:
                self._write_weights(weights, best_epoch(history))
        except (OSError, RuntimeError, SafetensorError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise StorageError(
                f"{self.folder.checkpoint}: the checkpoint of epoch {len(history)} cannot be written: {reason}"
            ) from error

    def repair(self, history: Sequence[dict], weights: Mapping[str, Tensor]) -> None:
        """Writes the best weights if they are missing, as the process died before, and the last epoch's are the best.

        Args:
            history: see `save`.
            weights: those that the last epoch validated.

        Raises:
            InputError: they are missing, and an earlier epoch was the best.
        """
        best = best_epoch(history)
        try:
            if read_tensors(self.folder.weights, [TORCH]).provenance.get("epoch") == best["epoch"]:
                return
        except InputError:
            pass  # missing or damaged
        if best is not history[-1]:
            raise InputError(
                f"{self.folder.weights}: is not what the run's best epoch, {best['epoch']}, left there; "
                "restore the file, or start over with resume=False"
            )
        self._write_weights(weights, best)

    def _write_weights(self, weights: Mapping[str, Tensor], epoch: dict) -> None:
        write_tensors(self.folder.weights, TensorFile(TORCH, arrays(weights), self.model.config, epoch))

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Keeps other runs out of the folder while a block runs; of several ranks the first does.

        Raises:
            InputError: another run is in the folder.
        """
        ranks = torch.distributed.is_available() and torch.distributed.is_initialized()
        is_first = not ranks or torch.distributed.get_rank() == 0
        return sole_run(self.folder.path) if is_first else contextlib.nullcontext()

    @contextlib.contextmanager
    def restoring(self) -> Iterator[None]:
        """Turns the errors of a block that takes a loaded state apart into one sentence.

        Raises:
            InputError: the state lacks something, or something in it is of another kind.
        """
        try:
            yield
        except InputError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise InputError(
                f"{self.folder.last}: does not hold what this run needs ({type(error).__name__}: "
                f"{brief(str(error))}); start over with resume=False"
            ) from error

    def _load(self) -> dict:
        last = self.folder.last
        file = _read(last)
        self._check(configuration.from_dict(file.get("config", {}), str(last)), last)
        return file["state"]

    def _check(self, config: configuration.Config, origin: Path) -> None:
        if differing := differing_keys(self.model.config, config, may_differ=("model_name",)):
            raise InputError(f"{origin}: is of another model: {', '.join(differing)}; name a new folder")


def read_history(folder: ModelFolder) -> list[dict]:
    """The history of the run in a model folder.

    Raises:
        InputError: the state is damaged.
    """
    return list(_read(folder.last)["state"]["history"])


def _read(path: Path) -> dict:
    """The content of a file that `Checkpoints.save` wrote."""
    try:
        with zipfile.ZipFile(path) as records:  # torch does not compare the checksums that it writes
            damaged = records.testzip()
        file = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        raise InputError(
            f"{path}: not a readable state, it is damaged or of another kind "
            f"({type(error).__name__}); start over with resume=False"
        ) from None
    if damaged:
        raise InputError(f"{path}: is damaged: {damaged} differs from its checksum; start over with resume=False")
    if not isinstance(file, dict) or file.get("format") != FORMAT or not isinstance(file.get("state"), dict):
        raise InputError(f"{path}: not the state of a run in torch; start over with resume=False")
    check_record({"history": file["state"].get("history")}, str(path))
    return file


def random_state(generators: Sequence[torch.Generator]) -> dict:
    """The state of torch's random numbers, and of separate generators."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all(),
        "generators": [generator.get_state() for generator in generators],
    }


def set_random_state(state: dict, generators: Sequence[torch.Generator]) -> None:
    """The inverse of `random_state`.

    Raises:
        InputError: another number of generators.
    """
    if len(state["generators"]) != len(generators):
        raise InputError(
            f"the loaders have {len(generators)} generators of random numbers, and had "
            f"{len(state['generators'])} when the run was saved; give them the same"
        )
    torch.set_rng_state(state["cpu"])
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    for generator, saved in zip(generators, state["generators"], strict=True):
        generator.set_state(saved)
