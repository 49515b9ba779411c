"""Programs of StableHLO for `jax.export.deserialize`, which need jax alone, on CPUs, GPUs and TPUs."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax import export

from auralflow_core.exported.description import FILE, Description, from_text, to_text
from auralflow_jax.models.base import SeparationModel

PLATFORMS = ("cpu", "cuda", "tpu")


def write(model: SeparationModel, path: Path) -> None:
    """Writes the program of a model: `audio` (1, channels, samples) to (1, targets, channels, samples)."""
    settings = model.settings
    shape = (1, settings.model.num_channels, settings.crop_samples)
    stems = jax.jit(lambda audio: model.estimate(audio).audio)
    exported = export.export(stems, platforms=PLATFORMS)(jax.ShapeDtypeStruct(shape, np.float32))
    path.write_bytes(exported.serialize())


def describe(path: Path, description: Description) -> None:
    """Adds the description to a file, as a zip archive at its end, which any program that unpacks archives finds."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FILE, to_text(description))


def read_description(path: Path) -> Description:
    """The description in a file; see `from_text`."""
    with zipfile.ZipFile(path) as archive:
        return from_text(archive.read(FILE), str(path))


def open_program(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The program in a file: (1, channels, samples) to (1, targets, channels, samples)."""
    program = jax.jit(export.deserialize(bytearray(path.read_bytes())).call)
    return lambda audio: np.asarray(program(audio))
