"""A training run from a folder of music to a trained model: `auralflow train MODEL DATASET`."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import jax
from jax.experimental import multihost_utils
from rich.console import Console

from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.lock import sole_run
from auralflow_core.training.schedule import reason_to_stop
from auralflow_jax.compilation import drawing_options
from auralflow_jax.train.checkpoint import Checkpoints
from auralflow_jax.train.heartbeat import watching_hosts
from auralflow_jax.train.loop import open_loop, run_epochs
from auralflow_jax.train.plan import TrainingPlan, make_plan
from auralflow_jax.train.progress import Progress
from auralflow_jax.train.sharding import replicated
from auralflow_jax.train.start import unfinished_start
from auralflow_jax.train.state import RunState, initial_state


def train(
    folder: str | Path,
    datasets: str | Path | Sequence[str | Path],
    restart: bool = False,
    start_from: str | Path | Sequence[str | Path] = (),
    console: Console | None = None,
) -> list[dict]:
    """Trains the model of a folder, going on where an earlier run stopped.

    Args:
        folder: a model folder with config.json.
        datasets: a folder of stems in the MUSDB layout, or several; all validate, and train as often as
            `dataset.shares` says.
        restart: move what an earlier run left aside and start over.
        start_from: the folder of another model, from whose best weights a new run starts; for a model that joins
            others also the folders of one for each of its parts.
        console: where progress is shown; default: standard output. Of several hosts only the first shows any.

    Returns:
        The history, for every epoch a dict of `epoch`, `step`, `train_loss`, `valid_loss`, `si_sdr` and
        `si_sdr_improvement` (dB for each target), `lr`, `samples_per_second`, `seconds`.

    Raises:
        InputError: the folder, its configuration or a dataset cannot be used, or another run is in the folder.
        DivergedError: a loss or gradient is no longer finite.
        StorageError: a checkpoint cannot be written.
        TrainingError: another host of the run has died.
        Interrupted: Ctrl-C or SIGTERM; the step that was under way is finished and saved.
    """
    # Plan
    model = ModelFolder(folder)
    plan = make_plan(model, datasets, start_from or (() if restart else unfinished_start(model)))

    with contextlib.ExitStack() as stack:
        # State
        stack.enter_context(watching_hosts())
        if jax.process_index() == 0:
            stack.enter_context(sole_run(plan.folder.path))
        progress = stack.enter_context(Progress(plan, console))
        if restart:
            move_aside(plan, progress)
        checkpoints = stack.enter_context(contextlib.closing(open_checkpoints(plan)))
        run = start_run(plan, checkpoints)
        progress.start(run)

        # Loop
        reason = reason_to_stop(run.valid_losses, plan.config.training)
        if reason is None:
            loop = stack.enter_context(open_loop(plan, run, checkpoints, progress))
            reason = run_epochs(loop, run)
        progress.finish(run, reason)
    return run.history


def move_aside(plan: TrainingPlan, progress: Progress) -> None:
    """Moves what an earlier run left into a folder of `earlier-runs`; of several hosts the first does."""
    if jax.process_index() == 0 and (aside := plan.folder.move_run_aside()):
        progress.line(f"The earlier run now lies in {aside}.")


def open_checkpoints(plan: TrainingPlan) -> Checkpoints:
    """The checkpoints of the plan's folder, once all hosts are ready to open them."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("the earlier run is out of the way")
    return Checkpoints(plan.folder)


def start_run(plan: TrainingPlan, checkpoints: Checkpoints) -> RunState:
    """Restores where an earlier run stood, or starts a new one.

    Raises:
        InputError: the earlier run is of another model, or would lose its weights to those to start from.
    """
    start, rank = plan.start, plan.config.training.lora_rank
    restored = checkpoints.restore(plan.abstract_state, plan.config)
    if restored is not None:
        if start is not None and not start.is_that_of(plan.folder):
            raise InputError(
                f"{plan.folder.path}: --from starts a new run, but there is one already, which did not start from "
                "these weights; leave --from out to go on with it, or add --restart to move it aside"
            )
        if start is not None:
            start.take()
        state, record = restored
        return RunState(state, record["history"], record["losses"], record.get("data"), record.get("base", ""))
    if rank and start is None:
        raise InputError(
            f"{plan.folder.config_file}: training.lora_rank {rank} is for adapters of a trained model; name it with "
            "--from"
        )
    draw = jax.jit(
        lambda weights: initial_state(plan.model, plan.optimizer, plan.config, weights),
        out_shardings=replicated(plan.mesh),
        compiler_options=drawing_options(),
    )
    if start is not None and jax.process_index() == 0:
        start.record(plan.folder)
    return RunState(draw(start and start.take()), base=start.name if start and rank else "")
