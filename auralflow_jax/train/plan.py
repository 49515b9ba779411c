"""The plan of a training run: everything that is decided before the first step."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from auralflow_core.config import Config, TrainingConfig
from auralflow_core.console.text import count
from auralflow_core.data.training import training_tracks
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.size import check_memory
from auralflow_jax.data.crops import TrainingCrops, ValidationSegments, epoch_samples
from auralflow_jax.losses import Loss, make_loss
from auralflow_jax.models.base import SeparationModel, Variables
from auralflow_jax.models.registry import build
from auralflow_jax.train.optimizer import learning_rate, make_optimizer
from auralflow_jax.train.sharding import make_mesh
from auralflow_jax.train.start import Start, read_start
from auralflow_jax.train.state import TrainState, abstract_state


@dataclass(frozen=True, repr=False)
class TrainingPlan:
    """Everything that is decided before the first step of a run; made by `make_plan`, fixed until the run ends."""

    folder: ModelFolder
    config: Config
    crops: TrainingCrops  # of the training tracks, with the chances that they are drawn with
    segments: ValidationSegments  # of the validation tracks
    note: str | None  # sentences about tracks that validate or are left out, and about stems
    steps_per_epoch: int
    mesh: Mesh
    model: SeparationModel
    loss: Loss
    optimizer: optax.GradientTransformation
    learning_rate: optax.Schedule
    abstract_state: TrainState  # shapes, types and shardings
    start: Start | None  # other models' weights, for a new run to start from

    @property
    def data(self) -> dict[str, Any]:
        """The properties that tell the training tracks from others, as plain data; without the place of a dataset."""
        tracks = sorted((track.name, track.samples) for track in self.crops.tracks)
        datasets = sorted({track.dataset.resolve().name for track in self.crops.tracks})
        return {
            "datasets": datasets,
            "tracks": len(tracks),
            "sha256": hashlib.sha256(repr(tracks).encode(errors="surrogateescape")).hexdigest(),
        }

    def __repr__(self) -> str:
        network, tracks = type(self.config.model).__name__, len(self.crops.tracks)
        return f"TrainingPlan({str(self.folder.path)!r}, {network}, {count(tracks, 'track')})"


def make_plan(
    folder: ModelFolder, datasets: str | Path | Sequence[str | Path], start_from: str | Path | Sequence[str | Path] = ()
) -> TrainingPlan:
    """Reads and checks all that a run needs, without changing anything on disk; arguments as of `train`.

    Raises:
        InputError: the folder, its configuration, a dataset or a model to start from cannot be used.
    """
    config = folder.load_config()
    training = config.training
    _check_batch_size(folder, training)
    mesh = make_mesh()
    tracks, valid_tracks, note = training_tracks(
        datasets,
        max_num_tracks=config.dataset.max_num_tracks,
        exclude=config.dataset.exclude,
        targets=config.model.targets,
        sources=config.dataset.sources,
    )
    crops, segments = TrainingCrops(tracks, config), ValidationSegments(valid_tracks, config)
    steps_per_epoch = math.ceil(epoch_samples(tracks, config) / training.batch_size)
    total_steps = steps_per_epoch * training.max_epochs
    model, optimizer = build(config), make_optimizer(training, total_steps)
    loss = make_loss(training, model.represent)
    abstract = abstract_state(model, optimizer, config, mesh)
    check_memory((leaf.shape for leaf in jax.tree.leaves(abstract)), str(folder.config_file))
    variables = jax.eval_shape(lambda state: state.variables, abstract)
    _check_loss(loss, model, variables, config)
    others = [start_from] if isinstance(start_from, str | Path) else start_from
    return TrainingPlan(
        folder=folder,
        config=config,
        crops=crops,
        segments=segments,
        note=note,
        steps_per_epoch=steps_per_epoch,
        mesh=mesh,
        model=model,
        loss=loss,
        optimizer=optimizer,
        learning_rate=learning_rate(training, total_steps),
        abstract_state=abstract,
        start=read_start(others, config, variables) if others else None,
    )


def _check_batch_size(folder: ModelFolder, training: TrainingConfig) -> None:
    """Refuses a batch that the devices cannot share, in as many parts as are wanted."""
    devices, parts = jax.device_count(), training.accumulate_steps
    batch = f"{folder.config_file}: training.batch_size {training.batch_size}"
    accepted = f"a multiple of {devices * parts} is accepted"
    if training.batch_size % devices:
        raise InputError(f"{batch} cannot be divided among {devices} devices; {accepted}")
    if training.batch_size // devices % parts:
        raise InputError(f"{batch} cannot be divided into accumulate_steps {parts} parts; {accepted}")


def _check_loss(loss: Loss, model: SeparationModel, variables: Variables, config: Config) -> None:
    """Refuses a loss that reads what the model's estimates lack."""
    mixture = jax.ShapeDtypeStruct((1, config.model.num_channels, config.crop_samples), jnp.float32)
    loss.check(jax.eval_shape(model.apply, variables, mixture), type(config.model).__name__)
