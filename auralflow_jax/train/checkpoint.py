"""Checkpoints of a run: the only file that knows orbax."""

import logging
import sys
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
import tensorstore
from etils import epath
from jax.experimental import multihost_utils
from msgspec.structs import replace
from orbax.checkpoint.checkpoint_managers import preservation_policy
from safetensors import SafetensorError

from auralflow_core import config as configuration
from auralflow_core.config import Config, differing_keys
from auralflow_core.errors import InputError, StorageError, brief
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.checksums import CHECKSUMS, find_damage, write_checksums
from auralflow_core.training.record import check_record
from auralflow_core.training.schedule import best_epoch
from auralflow_core.weights.adapter import write_adapter
from auralflow_jax.train.adapter import make_adapter
from auralflow_jax.train.state import LoraState, TrainState
from auralflow_jax.weights import check_fits, load_weights, save_weights

logging.getLogger("absl").setLevel(logging.CRITICAL)  # orbax logs every save, and errors that it raises as well
# Of many writes to a full disk all fail, and orbax raises the first one's error.
logging.getLogger("asyncio").addFilter(lambda record: "os_error_code" not in record.getMessage())


class LatestAndBest(preservation_policy.PreservationPolicy):
    """Keeps the latest step and the step of the best epoch in the run's history.

    The rule of orbax for the best step goes by metrics, which it forgets between processes, and takes the later one
    of two that are equally good.
    """

    best: int | None = None  # a step

    def should_preserve(self, checkpoints, *, context) -> list[bool]:
        latest = max(info.step for info in checkpoints) if checkpoints else None
        return [info.step in (latest, self.best) for info in checkpoints]


class Checkpoints:
    """The latest and the best training state of a model folder, each with configuration and history.

    A step is one folder, which orbax renames into place when it is complete, so that a process killed while
    saving leaves the previous step. Its checksums are written last; a step without them, of an earlier version or of
    a process killed just then, is read unchecked. Every process of a run makes the same calls.

    Args:
        folder: of the model; its `checkpoint` holds the steps.
    """

    def __init__(self, folder: ModelFolder):
        self.folder = folder
        self.policy = LatestAndBest()
        if folder.checkpoint.exists() and not folder.checkpoint.is_dir():
            raise InputError(f"{folder.checkpoint}: is a file, expected the folder of the run's checkpoints")
        self.manager = self._open()
        self._hook, sys.unraisablehook = sys.unraisablehook, self._on_error

    def _open(self) -> ocp.CheckpointManager:
        options = ocp.CheckpointManagerOptions(
            preservation_policy=self.policy, cleanup_tmp_directories=True, enable_async_checkpointing=False
        )
        # Named, so that a process that has saved nothing can read what the state is made of.
        handlers = {"state": ocp.StandardCheckpointHandler(), "run": ocp.JsonCheckpointHandler()}
        try:
            return ocp.CheckpointManager(self.folder.checkpoint.resolve(), options=options, item_handlers=handlers)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            way_on = "move the latest away, or start over with --restart"
            raise InputError(f"{self.folder.checkpoint}: a step is damaged ({brief(str(error))}); {way_on}") from error

    @property
    def latest(self) -> int | None:
        """The step of the latest checkpoint, None before the first."""
        return self.manager.latest_step()

    def save(self, state: TrainState, config: Config, run: dict) -> None:
        """Saves a step later than all before; one that ends the best epoch so far also becomes best.safetensors.

        Args:
            state: the training state.
            config: the configuration in force.
            run: plain data: `history` (one dict per epoch, with `step` and `valid_loss`) and whatever else
                is needed to go on.

        Raises:
            StorageError: the step cannot be written; the checkpoint before it remains.
        """
        step, before = int(state.step), self.latest
        self.policy.best = best_epoch(run["history"])["step"] if run["history"] else None
        try:
            self._write_step(step, state, {"config": configuration.to_dict(config), **run})
            if step == self.policy.best:
                self._write_best(state, config, run)
        except (OSError, ValueError, SafetensorError) as error:
            if type(error) is ValueError and "os_error_code" not in str(error):
                raise  # tensorstore makes a ValueError of what the system reports; others are not about the disk
            # After the reason tensorstore tells all that it knows, in brackets.
            reason = getattr(error, "strerror", None) or str(error).partition(" [")[0].rsplit(": ", 1)[-1]
            left = "no earlier one exists" if before is None else f"the one of step {before} is still there"
            raise StorageError(
                f"{self.folder.checkpoint}: the checkpoint of step {step} cannot be written, {left}: {reason}"
            ) from error

    def _write_step(self, step: int, state: TrainState, run: dict) -> None:
        args = ocp.args.Composite(state=ocp.args.StandardSave(state), run=ocp.args.JsonSave(run))
        self.manager.save(step, args=args)
        self.manager.wait_until_finished()
        if jax.process_index() == 0:
            write_checksums(self._step_folder(step))

    def restore(self, abstract: TrainState, config: Config) -> tuple[TrainState, dict] | None:
        """Reads the latest state and its run; None if nothing was saved.

        Args:
            abstract: shapes, types and shardings of the state.
            config: the configuration now in force; the model's part must be the saved one.

        Raises:
            InputError: the model's configuration has changed, naming the keys; the folder has weights without a
                state; or the checkpoint is damaged.
        """
        step = self.latest
        if step is None:
            if self.folder.weights.exists():
                raise InputError(
                    f"{self.folder.weights}: belongs to a run that cannot go on here, and would be "
                    "replaced; name a new folder, which --from starts with these weights, or start "
                    "over with --restart"
                )
            return None
        run, saved = self._read_run(step)
        self._check(step, abstract, config, saved)
        state = self._restore_state(step, abstract)
        if run["history"]:
            self.policy.best = best_epoch(run["history"])["step"]
            self._repair_best(state, abstract, config, run)
        return state, run

    def _read_run(self, step: int) -> tuple[dict, Config]:
        """The record of a step and the configuration that it was made with, once all of the step is checked."""
        if damage := find_damage(self._step_folder(step)):
            raise InputError(f"{damage}; {self._way_on(step)}")
        if not (self._step_folder(step) / CHECKSUMS).exists():
            self._read_unchecked(step)
        run = self._restore(step, "run", ocp.args.JsonRestore())
        if not isinstance(run, dict) or "config" not in run:
            raise InputError(f"{self._step_folder(step)}: holds no record of a run; {self._way_on(step)}")
        saved = configuration.from_dict(run.pop("config"), str(self._step_folder(step)))
        return check_record(run, str(self._step_folder(step))), saved

    def _restore(self, step: int, item: str, how: ocp.args.CheckpointArgs) -> Any:
        """An item of a step.

        Raises:
            InputError: orbax cannot read it.
        """
        try:
            return self.manager.restore(step, args=ocp.args.Composite(**{item: how}))[item]
        except Exception as error:  # a damaged file raises whatever its bytes happen to mean
            raise InputError(
                f"{self._step_folder(step) / item}: cannot be read, it is damaged or incomplete "
                f"({brief(str(error)) or type(error).__name__}); {self._way_on(step)}"
            ) from error

    def _read_unchecked(self, step: int) -> None:
        """Reads all of the arrays' store in a step without checksums, one after the other.

        Orbax reads them side by side. Where one fails, the others print tracebacks from threads of their own.

        Raises:
            InputError: something cannot be read.
        """
        state = (self._step_folder(step) / "state").resolve()
        if not (state / "manifest.ocdbt").exists():
            return
        try:
            store = tensorstore.KvStore.open({"driver": "ocdbt", "base": f"{state.as_uri()}/"}).result()
            for key in store.list().result():
                store.read(key).result()
        except ValueError as error:
            raise InputError(
                f"{self._step_folder(step) / 'state'}: is damaged ({brief(str(error))}); {self._way_on(step)}"
            ) from None

    def _step_folder(self, step: int) -> Path:
        return self.folder.checkpoint / str(step)

    def _way_on(self, step: int) -> str:
        """How to go on without a step, as the end of a message."""
        earlier = [other for other in self.manager.all_steps() if other < step]
        if not earlier:
            return "restore it from a copy, or start over with --restart"
        return f"move {self._step_folder(step)} away to go on from step {max(earlier)}, or start over with --restart"

    def _check(self, step: int, abstract: TrainState, config: Config, saved: Config) -> None:
        """Refuses the checkpoint of another architecture."""
        differing = differing_keys(config, saved, may_differ=("model_name",))
        for key in ("optimizer", "lora_rank", "lora_scale", "frozen"):  # which the rest of the state goes by
            there, here = getattr(saved.training, key), getattr(config.training, key)
            differing += [f"{key} ({there!r} there, {here!r} here)"] if there != here else []
        if not differing:
            stored = self._stored_shapes(step)
            try:
                check_fits(stored, abstract.ema, str(self.folder.checkpoint))
                return
            except InputError:
                # Outside the group `model` only the crop's length shapes tensors: a network may be made for N frames.
                lengths = saved.dataset.sample_length, config.dataset.sample_length
                if lengths[0] == lengths[1]:
                    raise
                differing = ["sample_length ({!r} there, {!r} here)".format(*lengths)]
        raise InputError(
            f"{self.folder.checkpoint}: the checkpoint was made with other settings: "
            f"{', '.join(differing)}; restore these keys in {self.folder.config_file}, or start "
            f"over with --restart{self._way_to_other_targets(saved, config)}"
        )

    def _way_to_other_targets(self, saved: Config, config: Config) -> str:
        """How the weights are of use to a model of other targets, as the end of a message."""
        if saved.model.targets == config.model.targets:
            return ""
        return f"; a new folder with the other targets starts from these weights with --from {self.folder.path}"

    def _stored_shapes(self, step: int) -> Any:
        """The shapes of the averaged weights in a step."""
        try:
            return self.manager.item_metadata(step)["state"].tree["ema"]
        except Exception:  # as in `_restore`; an item that cannot be described is None
            raise InputError(
                f"{self._step_folder(step) / 'state'}: does not say what it holds, it is damaged or incomplete; "
                f"{self._way_on(step)}"
            ) from None

    def _restore_state(self, step: int, abstract: TrainState) -> TrainState:
        return self._restore(step, "state", ocp.args.StandardRestore(abstract))

    def _repair_best(self, state: TrainState, abstract: TrainState, config: Config, run: dict) -> None:
        """Writes best.safetensors again if it is missing, or if the process died before writing it."""
        step = best_epoch(run["history"])["step"]
        try:
            is_there = load_weights(self.folder.weights)[2].get("step") == step
        except InputError:
            is_there = False
        if jax.process_count() > 1:  # all have looked before one writes
            multihost_utils.sync_global_devices("best.safetensors")
        if is_there:
            return
        if step != int(state.step):
            if step not in self.manager.all_steps():
                raise InputError(
                    f"{self.folder.weights}: is missing or damaged, and the checkpoint of the "
                    f"best epoch, step {step}, is missing too; restore the file, or start over with --restart"
                )
            if damage := find_damage(self._step_folder(step)):
                raise InputError(f"{damage}; it holds the weights of the best epoch; start over with --restart")
            state = self._restore_state(step, abstract)
        self._write_best(state, config, run)

    def _write_best(self, state: TrainState, config: Config, run: dict) -> None:
        """Writes the averaged weights; of adapters first these alone, then the weights with them."""
        if jax.process_index() != 0:
            return
        best = best_epoch(run["history"])
        if isinstance(state, LoraState):
            write_adapter(self.folder.adapter, make_adapter(state, config, run.get("base", ""), best))
            config = replace(config, training=replace(config.training, lora_rank=0, lora_alpha=None))
        save_weights(self.folder.weights, state.fetch_averaged(), config, best)

    def close(self) -> None:
        """Ends the threads of orbax."""
        self.manager.close()
        if sys.unraisablehook == self._on_error:
            sys.unraisablehook = self._hook

    def _on_error(self, unraisable: Any) -> None:
        """Passes over what tensorstore prints of further writes that fail when orbax no longer waits for them."""
        if str(unraisable.exc_value) != "Event loop is closed":
            self._hook(unraisable)


def read_history(folder: ModelFolder) -> list[dict]:
    """The history of the run in a model folder, without its state.

    Raises:
        InputError: the checkpoint is damaged.
    """
    try:
        latest = folder.checkpoint.resolve() / str(max(folder.steps))
        run = ocp.JsonCheckpointHandler().restore(epath.Path(latest / "run"))
        return list(run["history"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder.checkpoint}: its history cannot be read: {error}") from None
