"""Training: `python -m auralflow_jax.train.run my_model path/to/dataset`."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.experimental import multihost_utils
from rich.console import Console

from auralflow_core.data.targets import expand_targets
from auralflow_core.data.tracks import training_tracks
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.training.schedule import plateau, reason_to_stop, remedy
from auralflow_jax.data.batches import drawing_chances, epoch_samples, training_batches
from auralflow_jax.losses import make_loss
from auralflow_jax.models.base import Variables
from auralflow_jax.models.registry import build
from auralflow_jax.train.checkpoint import Checkpoints
from auralflow_jax.train.monitor import Interrupt, Interrupted, LossMonitor
from auralflow_jax.train.optimizer import learning_rate, make_optimizer
from auralflow_jax.train.progress import Progress
from auralflow_jax.train.sharding import make_mesh, put, replicated
from auralflow_jax.train.snippets import Visualizer
from auralflow_jax.train.state import TrainState, new_state
from auralflow_jax.train.step import make_eval_step, make_train_step
from auralflow_jax.train.validation import validate
from auralflow_jax.weights import load_for


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
        The history: for every epoch a dict of `epoch`, `step`, `train_loss`, `valid_loss`, `si_sdr` and
        `si_sdr_improvement` (dB for each target), `lr`, `samples_per_second`, `seconds`.

    Raises:
        InputError: something about the folder, its configuration or the dataset, in words; or the loss is no
            longer finite.
        Interrupted: Ctrl-C or SIGTERM; the step that was under way is finished and saved.
    """
    run = Run(ModelFolder(folder), datasets, console)
    try:
        run.prepare(restart, start_from)
        run.train()
    finally:
        run.close()
    return run.history


class Run:
    """One training run, in order: data, model, state, epochs."""

    def __init__(self, folder: ModelFolder, datasets: str | Path | Sequence[str | Path], console: Console | None):
        self.folder = folder
        self.config = folder.load_config()
        self.training = self.config.training
        if self.training.batch_size % jax.device_count():
            raise InputError(
                f"{folder.config_file}: training.batch_size {self.training.batch_size} cannot be divided "
                f"among {jax.device_count()} devices; a multiple of {jax.device_count()} is accepted"
            )
        self.mesh = make_mesh()
        self.is_first = jax.process_index() == 0
        self.progress = Progress(console, self.is_first)
        self.closing = [self.progress]

        self.tracks, self.valid_tracks, self.note = training_tracks(
            datasets, max_num_tracks=self.config.dataset.max_num_tracks
        )
        expand_targets(self.config.model.targets, self.tracks[0].stems, self.config.dataset.sources)  # are they there?
        drawing_chances(self.tracks, self.config.dataset.shares)  # is there one for each?
        self.steps_per_epoch = math.ceil(epoch_samples(self.tracks, self.config) / self.training.batch_size)
        self.total_steps = self.steps_per_epoch * self.training.max_epochs

        self.model = build(self.config)
        self.criterion = make_loss(self.training, self.model.represent)
        self.optimizer = make_optimizer(self.training, self.total_steps)
        self.learning_rate = learning_rate(self.training, self.total_steps)
        self.history: list[dict] = []  # one entry for every epoch
        self.losses: list[float] = []  # of the steps since the last epoch's end

    def prepare(self, restart: bool, start_from: str | Path | Sequence[str | Path] = ()) -> None:
        """Restores the state of an earlier run, or makes a new one."""
        # Shapes first: a configuration that cannot work is refused before anything is moved or computed.
        abstract = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=replicated(self.mesh)),
            jax.eval_shape(self._new_state),
        )
        mixture = jax.ShapeDtypeStruct((1, self.config.model.num_channels, self.config.crop_samples), jnp.float32)
        self.criterion.check(jax.eval_shape(self.model.apply, abstract.ema, mixture), type(self.config.model).__name__)
        others = [start_from] if isinstance(start_from, str | Path) else start_from
        weights = load_for([*map(ModelFolder, others)], self.config, abstract.ema) if others else None

        if restart and self.is_first and (aside := self.folder.move_run_aside()):
            self.progress.line(f"The earlier run now lies in {aside}.")
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("the earlier run is out of the way")
        self.checkpoints = Checkpoints(self.folder)
        self.closing.append(self.checkpoints)
        restored = self.checkpoints.restore(abstract, self.config)
        if restored is None:
            # Drawing the weights happens once; optimising the program that does takes four times as long.
            self.state = jax.jit(
                self._new_state,
                out_shardings=replicated(self.mesh),
                compiler_options={"xla_backend_optimization_level": 0},
            )(weights)
        elif weights is not None:
            raise InputError(
                f"{self.folder.path}: --from starts a new run, but there is one already; add --restart to move it aside"
            )
        else:
            self.state, run = restored
            self.history, self.losses = run["history"], run["losses"]

    def _new_state(self, weights: Variables | None = None) -> TrainState:
        """Fresh variables, or what there is of them in `weights`."""
        fresh = flatten_dict(
            self.model.init(jax.random.key(self.training.seed), self.config.crop_samples), keep_empty_nodes=True
        )
        return new_state(unflatten_dict(fresh | flatten_dict(weights or {})), self.optimizer)

    def train(self) -> None:
        """Epochs until there is a reason to stop."""
        self.progress.start(self)
        if (reason := self.reason_to_stop()) is None:
            self.train_step = make_train_step(self.model, self.criterion, self.optimizer, self.training, self.mesh)
            self.eval_step = make_eval_step(self.model, self.criterion, self.mesh)
            self.batches = training_batches(
                self.tracks, self.config, int(self.state.step), (jax.process_index(), jax.process_count())
            )
            self.interrupt = Interrupt(self.progress)
            self.closing += [self.batches, self.interrupt]
            if self.is_first:
                self.visualizer = Visualizer(self.folder, self.config, self.valid_tracks)
                self.closing.append(self.visualizer)
        while reason is None:
            speed = self.run_epoch()
            reason = self.end_epoch(speed)
            if reason is None and self.interrupt.wanted:
                raise Interrupted(f"Stopped after epoch {len(self.history)}; the same command goes on from there.")
        self.progress.finish(reason, self)

    def run_epoch(self) -> dict:
        """The steps of one epoch, or those that an interruption left of it."""
        epoch_start = self.history[-1]["step"] if self.history else 0
        first = int(self.state.step)
        # At least one step, also where the epoch that was interrupted has since become shorter than what is done of it.
        end = max(epoch_start + self.steps_per_epoch, first + 1)
        monitor = LossMonitor(self.losses, self.tracks, self.checkpoints.latest)
        started = time.monotonic()
        for step in range(first, end):
            batch = next(self.batches)
            songs = batch.pop("tracks")
            self.state, metrics = self.train_step(self.state, put(batch, self.mesh))
            monitor.add(step + 1, metrics, songs)
            self.progress.step(self, step + 1, end)
            if self.interrupt.wanted and step + 1 < end:
                monitor.drain()
                self.save()
                raise Interrupted(f"Stopped at step {step + 1}, which is saved; the same command goes on from there.")
        monitor.drain()
        seconds = time.monotonic() - started
        samples = (end - first) * self.training.batch_size
        return {"samples_per_second": round(samples / max(seconds, 1e-9), 3), "seconds": round(seconds, 3)}

    def end_epoch(self, speed: dict) -> str | None:
        """Validates, adapts the rate, saves, shows; returns why the run ends here, if it does."""
        step, epoch = int(self.state.step), len(self.history) + 1
        scores = validate(self.eval_step, self.state.ema, self.valid_tracks, self.config, self.mesh)
        if not math.isfinite(scores["valid_loss"]):
            raise InputError(
                f"the validation loss after step {step} is {scores['valid_loss']}; {remedy(self.checkpoints.latest)}"
            )
        self.history.append(
            {
                "epoch": epoch,
                "step": step,
                "train_loss": math.fsum(self.losses) / len(self.losses),
                **scores,
                "lr": float(self.learning_rate(step - 1) * self.state.lr_scale),
                **speed,
            }
        )
        self.losses = []
        scale, _ = plateau([entry["valid_loss"] for entry in self.history], self.training)
        self.state = self.state.replace(lr_scale=jax.device_put(np.float32(scale), replicated(self.mesh)))
        reason = self.reason_to_stop()
        self.save()
        if self.is_first:
            self.visualizer.write_scalars(self.history[-1])
            if self.visualizer.is_due(epoch, reason is not None):
                # From the host, so that the first process can separate while the others wait, on one device.
                self.visualizer.write_snippets(self.model.replace(variables=jax.device_get(self.state.ema)), step)
        self.progress.epoch(self)
        return reason

    def reason_to_stop(self) -> str | None:
        return reason_to_stop([epoch["valid_loss"] for epoch in self.history], self.training)

    def save(self) -> None:
        self.checkpoints.save(self.state, self.config, {"history": self.history, "losses": self.losses})

    def close(self) -> None:
        """Ends threads and writers, the latest first."""
        for part in reversed(self.closing):
            part.close()
