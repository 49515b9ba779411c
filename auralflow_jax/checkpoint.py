"""Checkpoints of a run: the only file that knows orbax."""

import logging
import math

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from auralflow import config as configuration
from auralflow.config import Config
from auralflow.errors import InputError
from auralflow.folder import ModelFolder
from auralflow_jax.state import TrainState
from auralflow_jax.weights import differing_keys, load_weights, save_weights

logging.getLogger("absl").setLevel(logging.ERROR)  # orbax tells of every save


class Checkpoints:
    """The latest and the best training state of a model folder, each with configuration and history.

    A step is one folder, which orbax renames into place when it is complete, so that a process killed while
    saving leaves the previous step. Every process of a run calls `save`.
    """

    def __init__(self, folder: ModelFolder):
        self.folder = folder
        keep = preservation_policy.AnyPreservationPolicy([
            preservation_policy.LatestN(1),
            preservation_policy.BestN(get_metric_fn=lambda metrics: metrics["valid_loss"], reverse=True, n=1,
                                      keep_checkpoints_without_metrics=False),
        ])
        self.manager = ocp.CheckpointManager(
            folder.checkpoint.resolve(),
            options=ocp.CheckpointManagerOptions(preservation_policy=keep, cleanup_tmp_directories=True,
                                                 enable_async_checkpointing=False),
            item_names=("state", "run"))

    def save(self, state: TrainState, config: Config, run: dict) -> None:
        """Saves a step; one that ends an epoch, and is the best so far, also becomes best.safetensors.

        Args:
            state: the training state.
            config: the configuration in force.
            run: plain data: `history` (one dict per epoch, with `step` and `valid_loss`) and whatever else
                is needed to go on.
        """
        step, history = int(state.step), run["history"]
        ends_epoch = bool(history) and history[-1]["step"] == step
        loss = history[-1]["valid_loss"] if ends_epoch else math.inf
        self.manager.save(step, args=ocp.args.Composite(
            state=ocp.args.StandardSave(state),
            run=ocp.args.JsonSave({"config": configuration.to_dict(config), **run})), metrics={"valid_loss": loss})
        self.manager.wait_until_finished()
        if ends_epoch and step == best_epoch(history)["step"]:
            self._write_best(state, config, history)

    def restore(self, abstract: TrainState, config: Config) -> tuple[TrainState, dict] | None:
        """The latest state and its run, or None where nothing was saved.

        Args:
            abstract: shapes, types and shardings of the state.
            config: the configuration now in force; the model's part must be the saved one.

        Raises:
            InputError: the model's configuration has changed; names the keys.
        """
        step = self.manager.latest_step()
        if step is None:
            return None
        run = self.manager.restore(step, args=ocp.args.Composite(run=ocp.args.JsonRestore()))["run"]
        saved = configuration.from_dict(run.pop("config"), str(self.folder.checkpoint))
        if differing := differing_keys(config, saved, may_differ=("model_name",)):
            raise InputError(f"{self.folder.checkpoint}: the checkpoint was made by another model: "
                             f"{', '.join(differing)}; restore these keys in {self.folder.config_file}, or start "
                             "over with --restart")
        state = self._restore_state(step, abstract)
        if run["history"]:
            self._repair_best(step, state, abstract, config, run["history"])
        return state, run

    def _restore_state(self, step: int, abstract: TrainState) -> TrainState:
        return self.manager.restore(step, args=ocp.args.Composite(state=ocp.args.StandardRestore(abstract)))["state"]

    def _repair_best(self, step, state, abstract, config, history) -> None:
        """Writes best.safetensors again if the process died between saving the step and writing it."""
        best = best_epoch(history)
        try:
            if load_weights(self.folder.weights)[2].get("step") == best["step"]:
                return
        except InputError:
            pass
        self._write_best(state if best["step"] == step else self._restore_state(best["step"], abstract), config, history)

    def _write_best(self, state: TrainState, config: Config, history: list[dict]) -> None:
        if jax.process_index() == 0:
            save_weights(self.folder.weights, state.ema, config, best_epoch(history))

    def close(self) -> None:
        self.manager.close()


def best_epoch(history: list[dict]) -> dict:
    """The first epoch with the lowest validation loss."""
    return min(history, key=lambda epoch: epoch["valid_loss"])
