"""Files of ExecuTorch, which runs them on phones and small devices; on processors with XNNPACK's kernels."""

# Few installations have these packages.
# pyright: reportMissingImports=false

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from auralflow_core.exported.archive import append as describe
from auralflow_core.exported.archive import read as read_description
from auralflow_torch.export.converter import converting, quiet
from auralflow_torch.export.program import record
from auralflow_torch.models.base import SeparationModel

__all__ = ["describe", "open_program", "read_description", "write"]


def write(model: SeparationModel, path: Path) -> None:
    """Writes the program of a model on the CPU.

    Raises:
        InputError: ExecuTorch does not take the network.
    """
    with converting("ExecuTorch"):
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        lowered = to_edge_transform_and_lower(record(model), partitioner=[XnnpackPartitioner()])
        with path.open("wb") as file:
            lowered.to_executorch().write_to_file(file)


def open_program(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The program in a file: (1, channels, samples) to (1, targets, channels, samples)."""
    with quiet():
        from executorch.runtime import Runtime

        method: Any = Runtime.get().load_program(path).load_method("forward")
    return lambda audio: method.execute([torch.from_numpy(audio)])[0].numpy()
