"""Programs for `torch.export.load`, which need torch alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from auralflow_core.exported.description import Description, from_text, to_text
from auralflow_core.exported.paths import FILE
from auralflow_torch.export.program import record
from auralflow_torch.models.base import SeparationModel


def write(model: SeparationModel, path: Path) -> None:
    """Writes the program of a model on the CPU."""
    torch.export.save(record(model), path)


def describe(path: Path, description: Description) -> None:
    """Adds the description to a file: `torch.export.load(path, extra_files=files)` reads it into `files`."""
    torch.export.save(torch.export.load(path), path, extra_files={FILE: to_text(description)})


def read_description(path: Path) -> Description:
    """The description in a file; see `from_text`."""
    files = {FILE: ""}
    torch.export.load(path, extra_files=files)
    return from_text(files[FILE], str(path))


def open_program(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The program in a file: (1, channels, samples) to (1, targets, channels, samples)."""
    module = torch.export.load(path).module()

    def run(audio: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(audio)).numpy()

    return run
