"""Describes files of weights as text; a file of torch.save needs torch, all others no framework."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.console.text import count
from auralflow_core.model_folder import ModelFolder, find_model
from auralflow_core.weights.file import FLAX, LORA, TORCH, TRAINING, nested, read_tensors
from auralflow_core.weights.names import COUNTER, to_torch
from auralflow_core.weights.training_state import unpack
from bridge.files import PICKLED, read_pickled

Line = tuple[str, str]


def describe(path: str | Path) -> Iterator[Line]:
    """Yields the network, configuration, provenance, number of parameters and data type of a file of weights.

    Args:
        path: a model folder, a safetensors file in one of our formats, a state dict of `torch.save`, or a pretrained
            model's name.

    Yields:
        Names and values, as text.

    Raises:
        InputError: the file is missing, damaged, or something else.
    """
    path = Path(path) if Path(path).suffix in PICKLED else find_model(path)
    if path.is_dir():
        folder = ModelFolder(path)
        config = folder.load_config()
        if not folder.weights.exists():
            yield from [("network", configuration.to_dict(config)["model"]["model_type"]), ("weights", "none yet")]
            yield from _settings(config)
            return
        path = folder.weights
    if path.suffix in PICKLED:
        yield "format", "a state dict of torch.save, without configuration"
        yield from _count(read_pickled(path))
        return
    file = read_tensors(path, [FLAX, TORCH, TRAINING, LORA])
    yield "network", configuration.to_dict(file.config)["model"]["model_type"]
    yield "format", file.format
    if file.format == TRAINING:
        training = unpack(file, path)
        yield "step", str(training.step)
        yield "epochs", str(len(file.provenance["history"]))
        state = training.params
    else:
        for key, value in file.provenance.items():
            yield f"provenance.{key}", json.dumps(value)
        state = to_torch(nested(file, path), str(path)) if file.format == FLAX else file.tensors
    yield from _count(state)
    yield from _settings(file.config)


def _count(state: Mapping[str, np.ndarray]) -> Iterator[Line]:
    learned = {
        name: array
        for name, array in state.items()
        if name.rpartition(".")[2] not in ("running_mean", "running_var", COUNTER)
    }
    yield "parameters", f"{sum(array.size for array in learned.values()):,} in {count(len(learned), 'tensor')}"
    yield "dtype", ", ".join(sorted({str(array.dtype) for array in learned.values()}))


def _settings(config: Config) -> Iterator[Line]:
    for group, settings in configuration.to_dict(config).items():
        for key, value in settings.items():
            yield f"{group}.{key}", json.dumps(value)
