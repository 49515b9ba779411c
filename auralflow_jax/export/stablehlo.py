"""Programs of StableHLO for `jax.export.deserialize`, which need jax alone, on CPUs, GPUs and TPUs."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax import export

from auralflow_core.exported.archive import append as describe
from auralflow_core.exported.archive import read as read_description
from auralflow_jax.models.base import SeparationModel

__all__ = ["describe", "open_program", "read_description", "write"]

PLATFORMS = ("cpu", "cuda", "tpu")


def write(model: SeparationModel, path: Path) -> None:
    """Writes the program of a model: `audio` (1, channels, samples) to (1, targets, channels, samples)."""
    settings = model.settings
    shape = (1, settings.model.num_channels, settings.crop_samples)
    stems = jax.jit(lambda audio: model.estimate(audio).audio)
    exported = export.export(stems, platforms=PLATFORMS)(jax.ShapeDtypeStruct(shape, np.float32))
    path.write_bytes(exported.serialize())


def open_program(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The program in a file: (1, channels, samples) to (1, targets, channels, samples)."""
    program = jax.jit(export.deserialize(bytearray(path.read_bytes())).call)
    return lambda audio: np.asarray(program(audio))
