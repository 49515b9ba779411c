"""Band-split RoFormers on checkpoints of Music-Source-Separation-Training: against the formulas, and its own code."""

import jax
import numpy as np
import pytest
import roformer_reference
import torch
from roformer_oracles import FIRST, bs_roformer, needs_bs_roformer, needs_pymss, pymss
from tolerance import assert_near

import bridge
from auralflow_core.config import from_dict
from auralflow_core.config.networks.band_split_roformer import BandSplitRoformer
from auralflow_core.errors import InputError
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.band_split_roformer import from_msst, to_msst
from bridge.parity.twins import random_variables

WIDE = {"width": 16, "num_blocks": 2, "heads": 2, "head_size": 8, "targets": ["drums", "vocals"]}
BS = WIDE | {"model_type": "BSRoformer", "num_fft": 64, "window_size": 64, "hop_length": 16, "bands": [2, 2, 4, 8, 17]}
MEL = WIDE | {"model_type": "MelBandRoformer", "num_fft": 128, "window_size": 128, "hop_length": 32, "num_bands": 6}
CASES = {
    "bs": BS,
    "bs-one-mono": BS | {"targets": ["vocals"], "num_channels": 1},
    "bs-deep": BS | {"num_blocks": 3, "time_layers": 2, "skip_connection": True, "mask_layers": 2, "mask_growth": 2},
    "bs-polar": BS | {"positions": "polar", "band_layers": 2, "head_size": 5},
    "bs-norms": BS | {"norms": "each", "mask_layers": 0, "zero_dc": False},
    "mel": MEL,
    "mel-one": MEL | {"targets": ["vocals"], "mask_layers": 1},
    "mel-deep": MEL | {"num_blocks": 3, "band_layers": 2, "skip_connection": True, "mask_layers": 3},
    "mel-mono": MEL | {"num_channels": 1, "zero_dc": False, "width": 24, "heads": 3},
}
PUBLISHED = {
    "bs": WIDE | {"model_type": "BSRoformer", "num_blocks": 1},
    "mel": WIDE | {"model_type": "MelBandRoformer", "num_blocks": 1, "sample_rate": 44100},
}


def configure(settings):
    return from_dict({"model": {"sample_rate": 8000} | settings, "dataset": {"sample_length": 40 * 512 / 8000}})


def random_state(config, seed=0):
    """A checkpoint of theirs with every leaf random: gains about 1, matrices that keep a signal's level."""
    ours = bridge.to_torch(random_variables(jax.eval_shape(build(config).init, jax.random.key(0)), seed))
    if "split.weight" in ours:  # whose rows read single bands
        ours["split.weight"] *= np.float32(2)
    return to_msst(ours, config.model)


def models(config, state):
    """The same checkpoint in torch and in JAX."""
    ours = from_msst(state, config.model)
    model = create_model(config).eval()
    load_state(model.network, ours)
    return model, build(config).replace(variables=bridge.to_flax(ours, config))


def noise(config, hops=40):
    shape = 2, config.model.num_channels, hops * config.model.hop_length
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_both_networks_compute_the_formulas(name):
    config = configure(CASES[name])
    model, state, audio = config.model, random_state(config), noise(config)
    assert isinstance(model, BandSplitRoformer)
    table = model.band_table
    expected = roformer_reference.separate(
        state,
        audio,
        bands=np.split(table.bins, np.cumsum(table.widths)[:-1]),
        num_bins=model.num_fft // 2 + 1,
        hop=model.hop_length,
        window=model.num_fft,
        heads=model.heads,
        blocks=model.num_blocks,
        inner=(model.time_layers, model.band_layers),
        targets=len(model.targets),
        skip=model.skip_connection,
        polar=model.positions == "polar",
        zero_dc=model.zero_dc,
    )
    assert np.abs(expected).max() > 0.1
    ours, flax = models(config, state)
    with torch.no_grad():
        assert_near(ours.estimate(torch.from_numpy(audio)).audio.numpy(), expected)
    with jax.default_matmul_precision("highest"):
        assert_near(jax.jit(type(flax).estimate)(flax, audio).audio, expected)


@pytest.mark.parametrize(
    ("theirs", "name"),
    [pytest.param(pymss, name, marks=needs_pymss) for name in CASES if name != "bs-norms"]
    + [
        pytest.param(bs_roformer, name, marks=needs_bs_roformer)
        for name in ("bs", "bs-one-mono", "bs-deep", "mel-one", "mel-deep")
    ],
)
def test_both_networks_and_the_gradients_are_those_of_the_original(theirs, name):
    config = configure(CASES[name] | (FIRST if theirs is bs_roformer else {}))
    state, audio = random_state(config), noise(config)
    theirs, (ours, flax) = theirs(config), models(config, state)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()})
    expected = theirs(torch.from_numpy(audio))
    expected = expected[:, None] if len(config.model.targets) == 1 else expected
    found = ours.estimate(torch.from_numpy(audio)).audio
    assert_near(found.detach().numpy(), expected.detach().numpy())
    with jax.default_matmul_precision("highest"):
        assert_near(jax.jit(type(flax).estimate)(flax, audio).audio, expected.detach().numpy())

    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(2)) / 20
    for estimate in (found, expected):
        (estimate * weights).sum().backward()
    # The constants, which have no gradient, stand for themselves.
    gradients = state | {
        key: parameter.grad.numpy()
        for key, parameter in theirs.named_parameters(remove_duplicate=False)
        if parameter.grad is not None
    }
    mapped = from_msst(gradients, config.model)
    assert max(np.abs(gradient).max() for gradient in mapped.values()) > 0.3
    for key, parameter in ours.network.named_parameters():
        assert_near(parameter.grad.numpy(), mapped[key])


@needs_pymss
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_bands_are_those_of_the_original(name):
    config = configure(PUBLISHED[name])
    state, audio = random_state(config), noise(config, 4)
    theirs, (ours, _) = pymss(config), models(config, state)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()})
    with torch.no_grad():
        assert_near(ours.estimate(torch.from_numpy(audio)).audio.numpy(), theirs(torch.from_numpy(audio)).numpy())


@needs_pymss
@pytest.mark.parametrize("name", [name for name in CASES if name != "bs-norms"])
def test_a_checkpoint_of_the_original_goes_in_and_out_bit_for_bit(name):
    config = configure(CASES[name])
    torch.manual_seed(0)
    state = {key: tensor.numpy() for key, tensor in pymss(config).state_dict().items()}
    instruments = config.model.targets[::-1]
    ours = from_msst(state, config.model, instruments)
    again = to_msst(ours, config.model, instruments)
    assert again.keys() == state.keys()
    for key, array in state.items():
        assert again[key].dtype == array.dtype and again[key].tobytes() == np.ascontiguousarray(array).tobytes(), key


def test_instruments_in_another_order_are_the_targets():
    config = configure(BS | {"targets": ["bass", "drums", "vocals"]})
    state = random_state(config)
    straight = from_msst(state, config.model)
    turned = from_msst(state, config.model, ["vocals", "bass", "drums"])
    for ours, theirs in ((0, 1), (1, 2), (2, 0)):
        for leaf in ("value.weight", "gate.bias", "hidden.0.weight"):
            np.testing.assert_array_equal(turned[f"mask.{ours}.{leaf}"], straight[f"mask.{theirs}.{leaf}"])
    with pytest.raises(InputError, match="instruments are vocals, expected the targets bass, drums, vocals"):
        from_msst(state, config.model, ["vocals"])


@pytest.mark.parametrize("name", ["bs-polar", "mel-deep"])
def test_each_tensor_is_given_up_once_it_is_used(name):
    config = configure(CASES[name])
    state = random_state(config)
    expected = from_msst(dict(state), config.model)
    found = from_msst(state, config.model, used=state.pop)
    assert found.keys() == expected.keys() and all(np.array_equal(found[key], expected[key]) for key in expected)
    assert state and all("freqs" in key.rpartition(".")[2] for key in state)  # the constants


def test_half_types_are_kept_and_their_constants_accepted():
    config = configure(BS)
    state = {key: array.astype(np.float16) for key, array in random_state(config).items()}
    assert {array.dtype for array in from_msst(state, config.model).values()} == {np.dtype(np.float16)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("final_norm.gamma"), "file.ckpt: .* 1 missing .'final_norm.gamma' of shape .16,"),
        (lambda state: state.update(extra=np.zeros(3)), "1 left over .'extra' of shape .3,"),
        (
            lambda state: state.update({"band_split.to_features.1.1.bias": np.zeros(5)}),
            "'band_split.to_features.1.1.bias' is .5,., expected .16,.",
        ),
        (
            lambda state: state.update({"layers.0.1.layers.0.0.rotary_embed.freqs": np.ones(4)}),
            "layers.0.1.layers.0.0.rotary_embed.freqs is not .* these are other positions",
        ),
    ],
)
def test_other_checkpoints_are_refused(change, words):
    config = configure(BS)
    state = random_state(config)
    change(state)
    with pytest.raises(InputError, match=words):
        from_msst(state, config.model, origin="file.ckpt")


def test_shifts_of_polar_positions_must_be_the_same_in_all_layers():
    config = configure(BS | {"positions": "polar"})
    state = random_state(config)
    assert state["layers.0.0.layers.0.0.pope_embed.bias"].std() > 0.1
    state["layers.1.1.layers.0.0.pope_embed.bias"] += 1
    with pytest.raises(InputError, match="layers.1.1.layers.0.0.pope_embed.bias differs from layers.0.1"):
        from_msst(state, config.model)
