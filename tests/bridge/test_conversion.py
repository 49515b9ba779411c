import copy

import jax
import numpy as np
import pytest
import torch
from flax import linen
from small_models import KINDS, WAVEFORM_KINDS, random_bits, same_bits, small_config
from torch import nn

import bridge
from auralflow_core.config import MODELS
from auralflow_core.errors import InputError
from auralflow_jax.models.base import abstract_variables
from auralflow_torch.networks import build_network
from auralflow_torch.weights import load_state
from bridge.parity import cases

CASES = [
    (kind, changes)
    for kind in KINDS
    for changes in (
        {},
        {"num_channels": "2", "targets": "bass,drums,other", "normalize_input": "true", "normalize_output": "true"},
    )
]
CASES += [(kind, {"input_axis": "1", "recurrent_depth": "2"}) for kind in KINDS[1:]]
CASES += [(kind, {"num_channels": "2", "targets": "bass,drums,other"}) for kind in WAVEFORM_KINDS]
CASES += [("BSRoformer", {"positions": "polar"}), ("MelBandRoformer", {"norms": "end", "targets": "bass,drums,other"})]
CASES += [(kind, {}) for kind in MODELS if kind not in dict(CASES)]


@pytest.mark.parametrize(("kind", "changes"), CASES)
def test_every_network_goes_through_torch_bit_for_bit(kind, changes):
    config = small_config(kind, **changes) if changes else cases.small_config(kind)
    variables = random_bits(abstract_variables(config))
    network = build_network(config)
    load_state(network, bridge.to_torch(variables))  # names, shapes and types are torch's own
    again = bridge.to_flax(network.state_dict(), config)
    assert same_bits(again, variables)
    assert same_bits(bridge.to_torch(again), {name: tensor.numpy() for name, tensor in network.state_dict().items()})


def test_torch_weights_and_jax_arrays_go_both_ways():
    config = small_config(KINDS[2])
    network = build_network(config)
    before = copy.deepcopy(network.state_dict())
    on_device = jax.device_put(bridge.to_flax(before, config))
    for name, array in bridge.to_torch(on_device).items():
        assert torch.equal(torch.from_numpy(array), before[name]), name


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (linen.Dense(5), nn.Linear(3, 5)),
        (linen.Conv(5, (3, 2), padding="VALID"), nn.Conv2d(3, 5, (3, 2))),
        (
            linen.ConvTranspose(5, (3, 2), strides=(3, 2), padding="VALID", transpose_kernel=True),
            nn.ConvTranspose2d(3, 5, (3, 2), stride=(3, 2)),
        ),
        (linen.BatchNorm(use_running_average=True, epsilon=1e-5), nn.BatchNorm2d(3)),
    ],
)
def test_layers_compute_the_same_with_converted_weights(ours, theirs):
    x = np.random.default_rng(0).standard_normal((2, 7, 6, 3)).astype(np.float32)
    for parameter in [*theirs.parameters(), *theirs.buffers()]:
        if parameter.is_floating_point():
            parameter.data.copy_(torch.rand(parameter.shape) + 0.1)
    shapes = jax.eval_shape(ours.init, jax.random.key(0), x)
    variables = bridge.to_flax(theirs.state_dict(), shapes)
    if isinstance(theirs, nn.Linear):
        expected = theirs(torch.from_numpy(x))
    else:
        expected = theirs.eval()(torch.from_numpy(x).movedim(-1, 1)).movedim(1, -1)
    np.testing.assert_allclose(ours.apply(variables, x), expected.detach(), atol=1e-5)


def test_tensors_of_another_network_or_type_are_refused():
    config, other = small_config(KINDS[0]), small_config(KINDS[1])
    state = bridge.to_torch(random_bits(abstract_variables(config)))
    with pytest.raises(InputError, match=r"missing \('recurrent.linear.bias' of shape \(208,\)\)"):
        bridge.to_flax(state, other)
    head = {name: torch.from_numpy(array) for name, array in state.items()}
    with pytest.raises(InputError, match=r"'head.weight' is float16, expected float32"):
        bridge.to_flax(head | {"head.weight": head["head.weight"].half()}, config)
    with pytest.raises(InputError, match="'head.weight' of type torch.bfloat16 cannot become an array"):
        bridge.to_flax(head | {"head.weight": head["head.weight"].bfloat16()}, config)
    with pytest.raises(InputError, match=r"net: .*'head.weight' is \(1, 4, 1, 2\), expected \(1, 4, 1, 1\)"):
        load_state(build_network(config), state | {"head.weight": np.zeros((1, 4, 1, 2), np.float32)}, "net")
