"""Files of TensorFlow Lite, which LiteRT runs on phones, in browsers and on computers."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import litert_torch
import torch
from ai_edge_quantizer import quantizer, recipe
from torch import Tensor, nn

from auralflow_core.exported.archive import append as describe
from auralflow_core.exported.archive import read as read_description
from auralflow_core.exported.tflite_file import open_program
from auralflow_torch.export.program import Stems, example_of
from auralflow_torch.models.base import SeparationModel

__all__ = ["describe", "open_program", "read_description", "write"]


class Named(nn.Module):
    """A program whose result has a name in the file."""

    def __init__(self, model: SeparationModel) -> None:
        super().__init__()
        self.stems = Stems(model)

    def forward(self, audio: Tensor) -> dict[str, Tensor]:
        return {"stems": self.stems(audio)}


def write(model: SeparationModel, path: Path, weights: str = "float32") -> None:
    """Writes the program of a model on the CPU.

    Args:
        model: the model.
        path: the file.
        weights: the type in which weights are stored: float32, float16 or int8; computed is in float32.
    """
    with torch.no_grad():
        converted = litert_torch.convert(Named(model).eval(), sample_kwargs={"audio": example_of(model)})
    converted.export(str(path))
