"""Names, shapes and types of all tensors, for every combination of what decides them; no weights are made."""

import itertools

import numpy as np
import pytest
import torch

from auralflow_core.config import MODELS, Config, template
from auralflow_core.weights.names import torch_layout
from auralflow_jax.models.base import abstract_variables
from auralflow_torch.networks import build_network
from bridge.parity.cases import small_config

PRODUCT = {
    "num_channels": (1, 2),
    "targets": (("vocals",), ("bass", "drums", "other", "vocals")),
    "normalize_input": (False, True),
    "normalize_output": (False, True),
    "input_axis": (0, 1),
}


def layouts(config: Config) -> list[dict]:
    """Of the flax network and of the torch network: name -> (shape, type)."""
    ours = {key: (place.shape, place.dtype) for key, place in torch_layout(abstract_variables(config)).items()}
    with torch.device("meta"):
        twin = build_network(config)
    theirs = {
        key: (tuple(tensor.shape), np.dtype(str(tensor.dtype).removeprefix("torch.")))
        for key, tensor in twin.state_dict().items()
    }
    return [ours, theirs]


@pytest.mark.parametrize("model_type", MODELS)
def test_every_combination_with_two_levels(model_type):
    factors = {key: values for key, values in PRODUCT.items() if key in MODELS[model_type].__struct_fields__}
    for values in itertools.product(*factors.values()):
        settings = dict(zip(factors, values, strict=True))
        if model_type == "SpleeterNet" and len(settings["targets"]) == 1:
            continue  # its masks meet as a ratio, which needs two
        ours, theirs = layouts(small_config(model_type, frames=13, **settings))
        assert ours == theirs


@pytest.mark.parametrize("model_type", MODELS)
def test_the_defaults_at_the_templates_geometry(model_type):
    ours, theirs = layouts(template(model_type))
    assert ours == theirs
