"""Properties of the flax networks alone; tests/parity compares them with the torch ones."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from auralflow_core import config as configuration
from auralflow_core.config import MODELS, Config, TrainingConfig
from auralflow_jax.layers.variational import Variational
from auralflow_jax.models.registry import build
from auralflow_jax.networks import create_network

BINS, FRAMES = 13, 11
U_NETS = ("SpectrogramNetSimple", "SpectrogramNetLSTM", "SpectrogramNetVAE")


@pytest.fixture
def x():
    return jnp.asarray(np.random.default_rng(0).uniform(0, 1, (3, 1, BINS, FRAMES)), jnp.float32)


def make(name, x, **settings):
    """A small network with random variables, drawn by numpy, which compiles nothing."""
    common = {"num_bins": BINS, "num_frames": FRAMES, "num_channels": x.shape[1], "hidden_channels": 4, "depth": 2}
    network = create_network(name, **(common | settings))
    rng = np.random.default_rng(1)

    def draw(path, leaf):
        if path[-1].key in ("scale", "var"):
            return jnp.ones(leaf.shape)
        return jnp.asarray(rng.normal(0, 0.2, leaf.shape), jnp.float32)

    return network, jax.tree_util.tree_map_with_path(draw, jax.eval_shape(network.init, jax.random.key(0), x))


@pytest.mark.parametrize(
    "name, millions",
    [
        ("SpectrogramNetSimple", 7.9),
        ("SpectrogramNetLSTM", 32.3),
        ("SpectrogramNetVAE", 40),
        ("AudioNetSimple", 7.9),
        ("AudioNetSimpleLSTM", 32.3),
        ("AudioNetVAE", 40),
        ("HybridNet", 65.5),
    ],
)
def test_sizes_are_the_documented_ones(name, millions):
    config = configuration.template(name)
    model = build(config)
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), config.crop_samples))["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) / 1e6 == pytest.approx(millions, rel=0.1)


@pytest.mark.parametrize("name", U_NETS)
def test_build_passes_every_setting_on(name):
    changes = {
        "hidden_channels": 4,
        "depth": 2,
        "mask_activation": "relu",
        "leak_factor": 0.1,
        "dropout_p": 0.2,
        "normalize_input": True,
        "normalize_output": True,
        "num_channels": 2,
        "num_bins": 99,
    }
    if name != "SpectrogramNetSimple":
        changes |= {"recurrent_depth": 2, "hidden_size": 7, "input_axis": 1}
    config = Config(
        model=MODELS[name](targets=("drums", "bass"), **changes), training=TrainingConfig(precision="bfloat16")
    )
    network = build(config).network
    assert type(network).__name__ == name
    assert network.config is config.model and network.dtype == jnp.bfloat16
    assert network.num_frames == 1 + -(-3 * 44100 // 768)  # 3 s of the default hop length


@pytest.mark.parametrize("name", U_NETS)
@pytest.mark.parametrize("bins, frames", [(13, 11), (16, 8), (5, 2)])
def test_any_size_keeps_its_shape(name, bins, frames):
    x = jnp.ones((2, 2, bins, frames))
    network, variables = make(name, x, num_bins=bins, num_targets=3)
    assert jax.eval_shape(network.apply, variables, x)[0].shape == (2, 3, 2, bins, frames)


@pytest.mark.parametrize(
    "activation, low, high",
    [
        ("sigmoid", 0, 1),
        ("softmax", 0, 1),
        ("hardtanh", 0, 1),
        ("relu", 0, np.inf),
        ("softplus", 0, np.inf),
        ("identity", -np.inf, np.inf),
    ],
)
def test_masks_keep_to_their_range(activation, low, high, x):
    joiner = "softmax" if activation == "identity" else "independent"
    network, variables = make(
        "SpectrogramNetSimple", x, mask_activation=activation, joiner=joiner, num_targets=3, depth=1
    )
    variables["params"]["head"]["kernel"] *= 30  # outputs far beyond 1 on either side
    mask = np.asarray(jax.jit(network.apply)(variables, x)[0])
    assert low <= mask.min() and mask.max() <= high and mask.std() > 0.1
    if high > 1:
        assert mask.max() > 1.5
    if activation == "identity":
        assert mask.min() < -1.5
    if activation == "softmax":
        np.testing.assert_allclose(mask.sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", U_NETS)
def test_evaluation_does_not_depend_on_the_rest_of_the_batch(name, x):
    network, variables = make(name, x, normalize_input=True, normalize_output=True)
    evaluate = jax.jit(lambda x: network.apply(variables, x)[0])
    mask = evaluate(x)
    np.testing.assert_array_equal(evaluate(x.at[1].set(0))[::2], mask[::2])
    spoilt = evaluate(x.at[1].set(jnp.nan))
    assert np.isnan(spoilt[1]).any()
    np.testing.assert_array_equal(spoilt[::2], mask[::2])


def test_training_updates_all_statistics(x):
    network, variables = make("SpectrogramNetVAE", x, normalize_input=True, normalize_output=True)
    rngs = {"dropout": jax.random.key(1), "noise": jax.random.key(2)}
    _, updated = jax.jit(lambda: network.apply(variables, x, True, rngs=rngs, mutable=["batch_stats"]))()
    unchanged = jax.tree.map(np.array_equal, variables["batch_stats"], updated["batch_stats"])
    assert not any(jax.tree.leaves(unchanged))


@pytest.mark.parametrize(
    "name, settings, size, message",
    [
        ("SpectrogramNetLSTM", {}, (14, FRAMES), "num_bins=13, got 14 bins"),
        ("SpectrogramNetVAE", {"input_axis": 1}, (BINS, 12), "num_frames=11, got 12 frames"),
        ("SpectrogramNetSimple", {"normalize_input": True}, (12, FRAMES), "num_bins=13, got 12 bins"),
        ("SpectrogramNetSimple", {"normalize_output": True}, (12, FRAMES), "num_bins=13, got 12 bins"),
    ],
)
def test_fixed_sizes_are_named(name, settings, size, message):
    with pytest.raises(ValueError, match=message):
        make(name, jnp.ones((1, 1, *size)), **settings)


@pytest.mark.parametrize("settings, size", [({}, (BINS, 29)), ({"input_axis": 1}, (29, FRAMES))])
def test_the_other_axis_is_free(settings, size, x):
    network, variables = make("SpectrogramNetLSTM", x, **settings)
    assert jax.eval_shape(network.apply, variables, jnp.ones((2, 1, *size)))[0].shape == (2, 1, 1, *size)


@pytest.mark.parametrize("hidden_size, expected", [(1024, 8), (5, 5)])
def test_the_hidden_size_is_bounded_by_the_deepest_levels_channels(hidden_size, expected, x):
    network, variables = make("SpectrogramNetVAE", x, hidden_size=hidden_size)
    assert variables["params"]["recurrent"]["lstm"]["weight_hh_l0"].shape == (4 * expected, expected)
    _, (mu, sigma) = jax.eval_shape(network.apply, variables, x)
    assert mu.shape == sigma.shape == (3, 3, expected)  # batch, frames, latent


def test_the_latent_variable_is_sampled_while_training_alone():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 5)), jnp.float32)  # batch, steps, features
    layer = Variational(2)
    variables = layer.init(jax.random.key(0), x)

    def decode(train, key=None, noise=None):
        return np.asarray(layer.apply(variables, x, train, noise, rngs={} if key is None else {"noise": key})[0])

    mean, drawn = decode(False), decode(True, jax.random.key(1))
    assert np.array_equal(drawn, decode(True, jax.random.key(1)))
    assert not np.array_equal(drawn, decode(True, jax.random.key(2))) and not np.array_equal(drawn, mean)
    for train in (False, True):  # noise that is given is used as it is
        np.testing.assert_array_equal(decode(train, noise=jnp.zeros((3, 4, 2))), mean)
        assert not np.array_equal(decode(train, noise=jnp.ones((3, 4, 2))), mean)
    with pytest.raises(flax.errors.InvalidRngError, match="noise"):  # pyright: ignore[reportAttributeAccessIssue]
        decode(True)
    with pytest.raises(ValueError, match=r"shape \(3, 4, 2\), got \(3, 1, 2\)"):
        decode(True, noise=jnp.ones((3, 1, 2)))


def test_draws_of_the_latent_variable_have_its_mean_and_deviation():
    x = jnp.ones((1, 20000, 3))
    layer = Variational(3)
    variables = layer.init(jax.random.key(0), x)
    variables["params"]["to_features"]["kernel"] = jnp.eye(3)  # decodes the sample itself
    sample, (mu, sigma) = layer.apply(variables, x, True, rngs={"noise": jax.random.key(3)})
    np.testing.assert_allclose(sample.mean(1), mu[:, 0], atol=0.05 * float(sigma.max()))  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(sample.std(1), sigma[:, 0], rtol=0.05)


def test_bfloat16_is_near_float32(x):
    network, variables = make("SpectrogramNetVAE", x)
    mask, latent = jax.jit(network.clone(dtype=jnp.bfloat16).apply)(variables, x)
    assert {part.dtype for part in (mask, *latent)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(mask, jax.jit(network.apply)(variables, x)[0], atol=5e-2)
