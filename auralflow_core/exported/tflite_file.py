"""Exported models in LiteRT, the runtime of TensorFlow Lite, which needs neither jax nor torch."""

# Few installations have these packages.
# pyright: reportMissingImports=false

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.exported import separator
from auralflow_core.exported.archive import read as read_description
from auralflow_core.optional import needs


@dataclass(frozen=True, repr=False)
class Separator(separator.Separator):
    """A file of TensorFlow Lite that separates blocks of audio.

    Attributes:
        path: of the file.
        program: maps (1, channels, samples) to (1, targets, channels, samples).
        config: the configuration that the weights were trained with.
    """

    RUNTIME: ClassVar[str] = "LiteRT"

    path: Path
    program: Callable[[np.ndarray], np.ndarray]
    config: Config

    def run(self, audio: np.ndarray) -> np.ndarray:
        return self.program(audio)


def load(path: str | Path) -> Separator:
    """Opens an exported model.

    Raises:
        InputError: the file cannot be read, or `auralflow export` did not write it.
        MissingPackage: LiteRT is not installed.
    """
    path = Path(path)
    return Separator(path, open_program(path), read_description(path).settings(str(path)))


def open_program(path: str | Path) -> Callable[[np.ndarray], np.ndarray]:
    """The program in a file: (1, channels, samples) to (1, targets, channels, samples).

    Raises:
        InputError: it cannot be read.
        MissingPackage: LiteRT is not installed.
    """
    with needs("ai_edge_litert"):
        from ai_edge_litert.interpreter import Interpreter
    try:
        run = Interpreter(model_path=str(path), num_threads=os.cpu_count()).get_signature_runner()
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path}: LiteRT cannot open it, it is damaged or no TensorFlow Lite file: {separator.first_line(error)}"
        ) from None
    return lambda audio: run(audio=audio)["stems"]
