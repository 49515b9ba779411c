"""Networks that estimate audio itself; tests/parity compares them with the torch ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from auralflow_core.config import Config, DatasetConfig, HybridNet, TrainingConfig, from_dict, template
from auralflow_core.errors import InputError
from auralflow_jax.layers.conv1d import GATED, RECTIFIED, Conv1d, Upsample1d
from auralflow_jax.losses import make_loss
from auralflow_jax.models.registry import build

SMALL = {
    "sample_rate": 8000,
    "num_fft": 64,
    "window_size": 64,
    "hop_length": 24,
    "num_bins": 29,
    "hidden_channels": 4,
    "depth": 2,
    "audio_channels": 4,
    "audio_depth": 2,
    "recurrent_depth": 2,
}
NAMES = ("AudioNetSimple", "AudioNetSimpleLSTM", "AudioNetVAE", "HybridNet")
SAMPLES = 600


def make(name, precision="float32", **settings):
    """A small model with random variables, drawn by numpy, which compiles nothing."""
    known = type(template(name).model).__struct_fields__
    small = {key: value for key, value in SMALL.items() if key in known}
    config = from_dict(
        {
            "model": {"model_type": name} | small | settings,
            "training": {"precision": precision},
            "dataset": {"sample_length": SAMPLES / 8000},
        }
    )
    model = build(config)
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), SAMPLES))
    # Variances of batch norms too lie near 1 then.
    return model, jax.tree_util.tree_map_with_path(
        lambda path, leaf: jnp.asarray((path[-1].key == "var") + rng.normal(0, 0.15, leaf.shape), jnp.float32), shapes
    )


def noise(*shape):
    return jnp.asarray(np.random.default_rng(2).normal(0, 0.2, shape), jnp.float32)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("samples", [33, 599, 1000])
def test_any_length_keeps_its_shape(name, samples):
    model, variables = make(name, num_channels=2, targets=("bass", "drums", "vocals"))
    audio = jax.ShapeDtypeStruct((2, 2, samples), jnp.float32)
    assert jax.eval_shape(model.apply, variables, audio).audio.shape == (2, 3, 2, samples)


def test_the_level_is_taken_out_and_put_back():
    model, variables = make("AudioNetVAE")
    apply = jax.jit(lambda x: model.apply(variables, x).audio)
    x = noise(2, 1, SAMPLES)
    expected = apply(x)
    assert expected.std() > 0.005
    np.testing.assert_allclose(apply(1e-2 * x), 1e-2 * expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(apply(x + 3), expected, rtol=0, atol=1e-4)  # an offset is no sound


def test_silence_is_silent_and_trains():
    model, variables = make("AudioNetVAE")

    @jax.jit
    def loss(params, x):
        estimate = model.apply(variables | {"params": params}, x, True, jax.random.key(3))
        return jnp.sum(jnp.square(estimate.audio))

    value, gradients = jax.value_and_grad(loss, (0, 1))(variables["params"], jnp.zeros((2, 1, SAMPLES)))
    assert value < 1e-6 and all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize("name", ["AudioNetVAE", "HybridNet"])
def test_evaluation_does_not_depend_on_the_rest_of_the_batch(name):
    model, variables = make(name)
    apply = jax.jit(lambda x: model.apply(variables, x).audio)
    x = noise(3, 1, SAMPLES)
    spoilt = apply(x.at[1].set(jnp.nan))
    assert np.isnan(spoilt[1]).all()
    np.testing.assert_array_equal(spoilt[::2], apply(x)[::2])


def test_bfloat16_is_near_float32():
    x = noise(2, 1, SAMPLES)
    model, variables = make("AudioNetVAE")
    half, _ = make("AudioNetVAE", precision="bfloat16")
    ours, expected = (jax.jit(each.apply)(variables, x).audio for each in (half, model))
    assert ours.dtype == jnp.float32 and not np.array_equal(ours, expected)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=0.1 * float(jnp.abs(expected).max()))


def test_the_recurrent_layers_see_steps_in_groups():
    for group in (1, 2, 3):
        model, variables = make("AudioNetVAE", recurrent_group=group)
        lstm = variables["params"]["recurrent"]["lstm"]
        assert lstm["weight_ih_l0"].shape == (4 * 8, group * 8)  # gates of the deepest level's channels; inputs
        mu, _ = jax.eval_shape(model.apply, variables, noise(2, 1, SAMPLES)).latent
        assert mu.shape == (2, -(-SAMPLES // (16 * group)), 8)


def test_the_initial_weights_keep_the_variance():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4000, 64)), jnp.float32)
    rectified = jax.jit(lambda x: jax.nn.relu(Conv1d(64, 8, 4, RECTIFIED).init_with_output(jax.random.key(0), x)[0]))
    gated = jax.jit(lambda x: jax.nn.glu(Conv1d(128, 3, 1, GATED).init_with_output(jax.random.key(1), x)[0]))
    longer = jax.jit(lambda x: jax.nn.relu(Upsample1d(64, 4).init_with_output(jax.random.key(2), x)[0]))
    for layer in (rectified, gated, longer):
        assert float(jnp.square(layer(x)).mean()) == pytest.approx(1, rel=0.15)


def test_dropout_belongs_to_training():
    model, variables = make("AudioNetSimple", dropout_p=0.5)
    x = noise(2, 1, SAMPLES)
    apply = jax.jit(lambda key, train: model.apply(variables, x, train, key).audio, static_argnums=1)
    first, second = (apply(jax.random.key(seed), True) for seed in (0, 1))
    assert not np.array_equal(first, second) and np.array_equal(first, apply(jax.random.key(0), True))
    np.testing.assert_array_equal(apply(jax.random.key(0), False), apply(jax.random.key(1), False))


def test_the_hybrid_joins_its_branches_bin_by_bin():
    model, variables = make("HybridNet", targets=("bass", "vocals"))
    x = noise(2, 1, SAMPLES)
    branches = model.settings.model.branches()
    alone = {
        name: build(Config(model=branch, dataset=DatasetConfig(sample_length=SAMPLES / 8000)))
        for name, branch in branches.items()
    }
    parts = {name: {kind: tree.get(name, {}) for kind, tree in variables.items()} for name in alone}
    audio, spectrogram = (jax.jit(alone[name].apply)(parts[name], x).audio for name in ("audio", "spectrogram"))
    apply = jax.jit(lambda blend: model.apply(variables | {"params": variables["params"] | {"blend": blend}}, x).audio)
    bins = jnp.zeros((2, 33))
    np.testing.assert_allclose(apply(bins), (audio + spectrogram) / 2, rtol=0, atol=1e-5)
    np.testing.assert_allclose(
        apply(bins.at[0].set(50).at[1].set(-50)), jnp.stack([spectrogram[:, 0], audio[:, 1]], 1), rtol=0, atol=1e-5
    )


def test_the_joiner_of_a_new_hybrid_averages():
    model, _ = make("HybridNet")
    blend = jax.jit(lambda: model.init(jax.random.key(0), SAMPLES)["params"]["blend"])()
    np.testing.assert_array_equal(blend, np.zeros((1, 33)))


@pytest.mark.parametrize("name", NAMES)
def test_criteria_of_audio_are_accepted_and_others_refused(name):
    model, variables = make(name)
    estimate = jax.eval_shape(model.apply, variables, noise(1, 1, SAMPLES))
    make_loss(template(name).training, model.represent).check(estimate, name)  # the template's own
    for settings in (
        {"criterion": "l2", "loss_domain": "audio"},
        {"criterion": "si_sdr"},
        {"criterion": "multi_resolution_stft"},
    ):
        make_loss(TrainingConfig(**settings), model.represent).check(estimate, name)
    with pytest.raises(InputError, match=f"criterion 'mask' needs the model's mask, and {name} has none"):
        make_loss(TrainingConfig(criterion="mask"), model.represent).check(estimate, name)
    if name == "HybridNet":
        make_loss(TrainingConfig(), model.represent).check(estimate, name)
    else:
        with pytest.raises(InputError, match=f"criterion 'l1' needs the model's spectrum, and {name} has none"):
            make_loss(TrainingConfig(), model.represent).check(estimate, name)


def test_build_passes_every_setting_on():
    changes = {
        "audio_channels": 3,
        "audio_depth": 2,
        "recurrent_group": 5,
        "recurrent_depth": 1,
        "hidden_size": 6,
        "dropout_p": 0.2,
        "num_fft": 512,
        "window_size": 500,
        "hop_length": 100,
        "padding": "constant",
        "num_bins": 200,
        "high_bins": "mean",
        "joiner": "ratio",
        "hidden_channels": 4,
        "depth": 3,
        "mask_activation": "relu",
        "leak_factor": 0.1,
        "normalize_input": True,
        "normalize_output": True,
        "input_axis": 1,
        "num_channels": 2,
    }
    config = Config(
        model=HybridNet(targets=("drums", "bass"), **changes), training=TrainingConfig(precision="bfloat16")
    )
    network = build(config).network
    assert network.config is config.model
    assert (network.num_frames, network.dtype) == (1324, jnp.bfloat16)
    for name, branch in config.model.branches().items():
        alone = build(Config(model=branch))
        ours, theirs = (
            jax.eval_shape(lambda model=each: model.init(jax.random.key(0), config.crop_samples))
            for each in (build(config), alone)
        )
        assert ours["params"][name] == theirs["params"]
