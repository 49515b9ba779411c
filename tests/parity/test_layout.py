"""Names, shapes and types of all tensors, for every combination of what decides them; no weights are made."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from auralflow.naming import torch_layout
from auralflow_jax import networks as flax_networks
from auralflow_torch import networks as torch_networks

U_NETS = ("SpectrogramNetSimple", "SpectrogramNetLSTM", "SpectrogramNetVAE")
PRODUCT = {
    "num_channels": (1, 2),
    "num_targets": (1, 4),
    "normalize_input": (False, True),
    "normalize_output": (False, True),
    "input_axis": (0, 1),
}


def layouts(name: str, num_bins: int, num_frames: int, **settings) -> list[dict]:
    """Of the flax network and of the torch network: name -> (shape, type)."""
    flax = getattr(flax_networks, name)(num_bins=num_bins, num_frames=num_frames, **settings)
    magnitude = jax.ShapeDtypeStruct((1, settings.get("num_channels", 1), num_bins, num_frames), jnp.float32)
    shapes = jax.eval_shape(flax.init, jax.random.key(0), magnitude)
    ours = {key: (place.shape, place.dtype) for key, place in torch_layout(shapes).items()}
    twin = getattr(torch_networks, name)(num_bins, num_frames, device="meta", **settings)
    theirs = {key: (tuple(tensor.shape), np.dtype(str(tensor.dtype).removeprefix("torch.")))
              for key, tensor in twin.state_dict().items()}
    return [ours, theirs]


@pytest.mark.parametrize("name", U_NETS)
def test_every_combination_with_two_levels(name):
    fields = getattr(flax_networks, name).__dataclass_fields__
    factors = {key: values for key, values in PRODUCT.items() if key in fields}
    for values in itertools.product(*factors.values()):
        settings = dict(zip(factors, values, strict=True)) | ({"recurrent_depth": 1} if "input_axis" in factors else {})
        ours, theirs = layouts(name, 37, 50, depth=2, hidden_channels=4, **settings)
        assert ours == theirs


@pytest.mark.parametrize("name", U_NETS)
def test_the_defaults_at_the_templates_geometry(name):
    ours, theirs = layouts(name, 1024, 174)
    assert ours == theirs
