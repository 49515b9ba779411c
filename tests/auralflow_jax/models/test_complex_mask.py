"""Models of complex spectra in JAX: what they promise beyond what both frameworks are compared in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from msgspec.structs import replace

from auralflow_core.config import from_dict, override
from auralflow_jax.models import ComplexModel, create_model
from auralflow_jax.models.registry import build

SMALL = {
    "model_type": "BSRoformer",
    "num_channels": 2,
    "sample_rate": 8000,
    "num_fft": 64,
    "window_size": 64,
    "hop_length": 16,
    "width": 8,
    "num_blocks": 1,
    "heads": 2,
    "head_size": 4,
    "bands": [1, 8, 8, 16],
    "dropout_p": 0.3,
}
CONFIG = from_dict({"model": SMALL, "dataset": {"sample_length": 0.08}})


@pytest.fixture(scope="module")
def model():
    return create_model(CONFIG)


def noise(*shape):
    return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)


@jax.jit
def estimate(model, audio):
    return model.estimate(audio)


@jax.jit
def gradients(model, audio):
    key = jax.random.key(3)
    return jax.grad(lambda model: jnp.abs(model.apply(model.variables, audio, True, key).audio).sum())(model)


def test_the_lowest_bin_is_empty_unless_it_is_wanted(model):
    audio = noise(1, 2, 640)
    wanted = build(override(CONFIG, {"zero_dc": "false"})).replace(variables=model.variables)
    empty, full = (np.asarray(estimate(one, audio).spectrum) for one in (model, wanted))
    assert isinstance(model, ComplexModel) and empty.shape == (1, 1, 2, 33, 41)
    assert not empty[..., 0, :].any() and full[..., 0, :].any()
    np.testing.assert_allclose(empty[..., 1:, :], full[..., 1:, :], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(estimate(model, audio).mask)[..., 0, :], 0)


def test_blocks_computed_again_have_the_same_gradient_and_need_less_memory():
    again = override(CONFIG, {"remat": "true", "num_blocks": "4", "dropout_p": "0"})
    model, kept = (create_model(config) for config in (again, override(again, {"remat": "false"})))
    compiled = [gradients.lower(one, noise(2, 2, 6400)).compile() for one in (model, kept)]
    ours, theirs = (
        jax.tree.leaves(program(one, noise(2, 2, 6400))) for program, one in zip(compiled, (model, kept), strict=True)
    )
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    memory, more = (program.memory_analysis().temp_size_in_bytes for program in compiled)
    assert memory < 0.8 * more


def test_silence_has_finite_gradients(model):
    audio = noise(2, 2, 640)
    audio[0, :, 200:] = 0
    audio[1] = 0
    found = estimate(model, audio)
    assert all(np.isfinite(field).all() for field in found[:3]) and not np.asarray(found.audio)[1].any()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients(model, audio)))


def test_louder_audio_has_a_louder_estimate(model):
    audio = noise(1, 2, 640)
    once, thrice = (np.asarray(estimate(model, factor * audio).audio) for factor in (1, np.float32(3)))
    np.testing.assert_allclose(thrice, 3 * once, atol=1e-5)


def test_bfloat16_rounds_products_alone(model):
    config = replace(CONFIG, training=replace(CONFIG.training, precision="bfloat16"))
    rough = build(config).replace(variables=model.variables)
    audio = noise(1, 2, 640)
    found, exact = (np.asarray(estimate(one, audio).audio) for one in (rough, model))
    assert found.dtype == np.float32 and 0 < np.abs(found - exact).max() < 0.03 * np.abs(exact).max()
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(gradients(rough, audio)))
    equations = str(jax.make_jaxpr(lambda audio: rough.estimate(audio).audio)(audio)).splitlines()
    narrow = [line.strip() for line in equations if ":bf16[" in line.partition("=")[0]]
    operations = {line.partition("= ")[2].split("[")[0].split(" ")[0] for line in narrow}
    moves = {"convert_element_type", "reshape", "transpose", "squeeze", "slice", "broadcast_in_dim", "concatenate"}
    assert operations - moves <= {"pjit", "jit", "dynamic_slice", "scan", "remat", "checkpoint"}, operations


def test_another_number_of_bins_is_refused(model):
    with pytest.raises(ValueError, match="BSRoformer is made for 33 bins, got 32"):
        model.network.apply(model.variables, jnp.zeros((1, 2, 2, 32, 5)))
