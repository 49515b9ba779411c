"""Fresh weights in both frameworks come from the same distributions, tensor by tensor."""

import jax
import numpy as np
import pytest
import torch

import bridge
from auralflow_core.config import MODELS
from auralflow_jax.models.registry import build
from auralflow_torch.networks import build_network
from bridge.parity.cases import small_config


@pytest.mark.parametrize("name", MODELS)
def test_tensors_have_the_same_spread(name):
    settings = {"hidden_channels": 16} if "hidden_channels" in MODELS[name].__struct_fields__ else {}
    config = small_config(name, **settings)
    model = build(config)
    ours = bridge.to_torch(jax.jit(model.init, static_argnums=1)(jax.random.key(0), config.crop_samples))
    torch.manual_seed(0)
    theirs = build_network(config).state_dict()
    drawn = 0
    for key, expected in theirs.items():
        expected = expected.numpy()
        if np.unique(expected).size == 1:  # biases, statistics, scales
            np.testing.assert_array_equal(ours[key], expected, err_msg=key)
        else:
            drawn += 1
            # The deviation of a sample of n normal numbers scatters by 1 / sqrt(2 n).
            assert ours[key].std() == pytest.approx(expected.std(), rel=6 / np.sqrt(expected.size)), key
            assert abs(ours[key].mean() - expected.mean()) < 8 * expected.std() / np.sqrt(expected.size), key
    assert drawn
