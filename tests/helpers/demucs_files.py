"""Small HTDemucs with random weights, and files of them as demucs writes them."""

import functools
import json
import sys
import types
from fractions import Fraction

import torch
from safetensors.torch import save_file

import bridge
from auralflow_core.config import from_dict
from auralflow_jax.models.base import abstract_variables
from bridge.importers.demucs_settings import to_arguments
from bridge.importers.demucs_state import to_demucs
from bridge.parity.twins import random_variables

SMALL = {
    "model_type": "HTDemucs",
    "sample_rate": 8000,
    "num_fft": 96,
    "hidden_channels": 8,
    "depth": 2,
    "compression": 4,
    "width": 24,
    "num_layers": 3,
    "heads": 2,
}
SMALL_H = {
    "model_type": "HDemucs",
    "sample_rate": 8000,
    "num_fft": 64,
    "hidden_channels": 8,
    "depth": 3,
    "compression": 2,
    "norm_level": 1,
    "norm_groups": 2,
    "recurrent_level": 1,
    "attention_level": 1,
}
SAMPLES = 1003  # of a segment


def ht_demucs(model, seed=0, samples=SAMPLES):
    """The configuration of a model, and a state dict of our torch network with every leaf random."""
    seconds = samples / model.get("sample_rate", 44100)
    config = from_dict({"model": {"model_name": "m"} | model, "dataset": {"sample_length": seconds}})
    return config, bridge.to_torch(random_variables(shapes_of(config), seed))


@functools.cache
def shapes_of(config):
    """The shapes of a model's variables."""
    return abstract_variables(config)


def package_of(config, state, half=True):
    """The content of a package, with the class as demucs would pickle it, and its tensors in their own order."""
    arguments, sources = to_arguments(config, "m")
    kind = torch.float16 if half else torch.float32
    theirs = {name: torch.from_numpy(array).to(kind) for name, array in to_demucs(state, config.model, sources).items()}
    training = {"dset": {"segment": 11, "sources": list(sources)}, "lr": 3e-4}
    return {
        "klass": _class(f"demucs.{type(config.model).__name__.lower()}.{type(config.model).__name__}"),
        "args": (),
        "kwargs": arguments,
        "state": theirs,
        "training_args": training,
    }


def write_th(path, package):
    """Writes a package with `torch.save`, which wants to find its class where it says it is."""
    module, _, name = package["klass"].__qualname__.rpartition(".")
    stand_ins = {key: types.ModuleType(key) for key in (module.partition(".")[0], module)}
    hidden = {key: sys.modules.pop(key, None) for key in stand_ins}
    kind = type(name, (), {"__module__": module})
    setattr(stand_ins[module], name, kind)
    sys.modules.update(stand_ins)
    try:
        torch.save(package | {"klass": kind}, path)
    finally:
        for key, known in hidden.items():
            del sys.modules[key]
            if known is not None:
                sys.modules[key] = known


def write_safetensors(path, package):
    """Writes a package as a safetensors file with its arguments in the metadata."""

    def encode(value):
        assert isinstance(value, Fraction)
        return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}

    metadata = {key: json.dumps(package[key], default=encode) for key in ("args", "kwargs")}
    save_file(package["state"], path, {"klass": package["klass"].__qualname__, **metadata})


def _class(name):
    return type(name, (), {"__qualname__": name})
