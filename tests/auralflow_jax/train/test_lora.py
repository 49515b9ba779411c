"""Adapters of linear layers and their training."""

import contextlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from roformer_files import MEL
from small_models import make_model, random_weights, same_bits, small_config

from auralflow_core.config import from_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.adapter import read_adapter
from auralflow_jax.lora import adapt, draw_adapters, frozen_statistics
from auralflow_jax.losses import make_loss
from auralflow_jax.models.base import build
from auralflow_jax.train.optimizer import make_optimizer
from auralflow_jax.train.plan import make_plan
from auralflow_jax.train.run import open_checkpoints, start_run, train
from auralflow_jax.train.state import LoraState, start_state
from auralflow_jax.train.step import make_train_step
from auralflow_jax.weights import load_weights

RANK, ALPHA = 2, 3.0


def config_of(rank=RANK, **training):
    """A Mel-Band RoFormer of some thousand parameters, with settings of a short run."""
    settings = {"max_epochs": 2, "batch_size": 4, "lr": 0.01, "warmup_steps": 0, "lr_schedule": "constant"}
    return from_dict(
        {
            "model": MEL | {"model_name": "m"},
            "dataset": {"sample_length": 0.2, "samples_per_epoch": 8, "validation_length": 0.4},
            "training": settings | {"lora_rank": rank, "lora_alpha": ALPHA} | training,
            "visualizer": {"num_snippets": 0, "tensorboard": False},
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory, songs):
    """The folders of a base and of a run that trained adapters for it."""
    path = tmp_path_factory.mktemp("lora")
    base, folder = make_model(path / "base", config_of(0)), ModelFolder(path / "adapted")
    folder.save_config(config_of())
    train(folder.path, songs, start_from=base.path)
    return base, folder


def audio():
    return np.random.default_rng(3).uniform(-0.5, 0.5, (1, 2, 2000)).astype(np.float32)


def test_weights_with_adapters_are_the_sums_of_the_paper():
    """W + alpha / rank · B A in float64, for kernels (inputs, outputs) and stacks (bands, outputs, inputs)."""
    rng = np.random.default_rng(0)
    params = {"a": {"kernel": rng.standard_normal((5, 4))}, "b": {"weight": rng.standard_normal((3, 4, 5))}}
    params = jax.tree.map(lambda x: x.astype(np.float32), params) | {"c": {"kernel": np.ones((3, 3, 2, 2), np.float32)}}
    adapters = draw_adapters(params, 2, jax.random.key(0))
    assert {"/".join(path): np.shape(leaf) for path, leaf in flatten_dict(adapters).items()} == {
        "a/kernel/lora_A": (2, 5),
        "a/kernel/lora_B": (4, 2),
        "b/weight/lora_A": (3, 2, 5),
        "b/weight/lora_B": (3, 4, 2),
    }
    assert same_bits(jax.device_get(adapt(params, adapters, 7.0)), params)  # B is zero
    adapters = jax.tree.map(lambda x: rng.standard_normal(x.shape).astype(np.float32), adapters)
    found = adapt(params, adapters, 1.5)
    for path, equation in ((("a", "kernel"), "or,ri->io"), (("b", "weight"), "kor,kri->koi")):
        factors = adapters[path[0]][path[1]]
        product = np.einsum(equation, *(factors[name].astype(np.float64) for name in ("lora_B", "lora_A")))
        np.testing.assert_allclose(found[path[0]][path[1]], params[path[0]][path[1]] + 1.5 * product, atol=1e-6)
    assert same_bits(found["c"], params["c"])


def test_adapters_beside_stacks_train_as_their_sums_do():
    config, mixture = config_of(), audio()
    model, params = build(config), random_weights(config_of(0))["params"]
    drawn = draw_adapters(params, RANK, jax.random.key(0))
    adapters = jax.tree.map(lambda x: 0.1 * jax.random.normal(jax.random.key(x.size), x.shape), drawn)
    assert "lora_B" in adapt(params, adapters, 1.5, beside=True)["mask_0"]["hidden_0"]

    @jax.jit
    def gradients(adapters):
        def objective(adapters, beside):
            variables = {"params": adapt(params, adapters, 1.5, beside), "batch_stats": {}}
            return jnp.square(model.apply(variables, mixture, True, jax.random.key(0)).audio).sum()

        return [jax.value_and_grad(objective)(adapters, beside) for beside in (True, False)]

    (found, ours), (expected, theirs) = gradients(adapters)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for path, gradient in flatten_dict(theirs).items():
        largest = np.abs(gradient).max()
        assert largest > 0
        np.testing.assert_allclose(flatten_dict(ours)[path], gradient, atol=1e-4 * largest, err_msg="/".join(path))


def test_a_step_changes_adapters_alone_and_the_optimizer_knows_of_nothing_else():
    config = config_of(ema_decay=0.5)
    model, variables = build(config), random_weights(config_of(0))
    optimizer = make_optimizer(config.training, 10)
    state = start_state(jax.tree.map(jnp.asarray, variables), optimizer, config.training)
    moments = [leaf.shape for leaf in jax.tree.leaves(state.opt_state) if leaf.ndim]
    assert sorted(moments) == sorted(2 * [leaf.shape for leaf in jax.tree.leaves(state.params)])
    before = jax.device_get(state)
    mixture = audio()
    step = make_train_step(model, make_loss(config.training, model.represent), optimizer, ema_decay=0.5)
    state, metrics = step(state, {"mixture": mixture, "targets": 0.3 * mixture[:, None]})
    assert (
        isinstance(state, LoraState)
        and same_bits(jax.device_get(state.base), variables["params"])
        and np.isfinite(metrics["loss"])
    )
    for path, leaf in flatten_dict(state.params).items():  # A has no gradient yet, but decays
        assert not np.array_equal(leaf, flatten_dict(before.params)[path]), path


def test_batch_statistics_stay_and_are_used():
    config = small_config("SpectrogramNetLSTM", dropout_p="0")
    model, variables = build(config), random_weights(config)
    mixture = jnp.asarray(np.random.default_rng(0).standard_normal((2, 1, config.crop_samples)), jnp.float32)
    with frozen_statistics():
        found, after = model.apply_and_update(variables, mixture, True, jax.random.key(0))
    assert same_bits(jax.device_get(after), variables["batch_stats"])
    np.testing.assert_allclose(found.audio, model.apply(variables, mixture).audio, atol=1e-6)
    assert np.abs(model.apply(variables, mixture, True, jax.random.key(0)).audio - found.audio).max() > 1e-3


def test_a_run_of_adapters_goes_on_to_the_same_bits_without_its_base(trained, tmp_path, songs):
    base, whole = trained
    folder = ModelFolder(tmp_path / "adapted")
    folder.save_config(config_of(max_epochs=1))
    shutil.copytree(base.path, tmp_path / "base")
    train(folder.path, songs, start_from=tmp_path / "base")
    shutil.rmtree(tmp_path / "base")
    folder.save_config(config_of())
    train(folder.path, songs)
    states = [state_of(one, songs) for one in (folder, whole)]
    assert same_bits(*states)
    assert same_bits(*(read_adapter(one.path).tensors for one in (folder, whole)))
    assert same_bits(*(load_weights(one.weights)[0] for one in (folder, whole)))
    assert load_weights(whole.weights)[1].training.lora_rank == 0  # these are whole weights
    assert same_bits(states[0].base, random_weights(config_of(0))["params"])
    folder.save_config(config_of(4))
    with pytest.raises(InputError, match=r"other settings: lora_rank \(2 there, 4 here\), lora_scale"):
        train(folder.path, songs)


def state_of(folder, songs):
    with contextlib.closing(open_checkpoints(plan := make_plan(folder, songs))) as checkpoints:
        return jax.device_get(start_run(plan, checkpoints).state)


def test_adapters_need_a_base_and_linear_layers(tmp_path, songs):
    folder = ModelFolder(tmp_path / "new")
    folder.save_config(config_of())
    with pytest.raises(
        InputError, match=r"training\.lora_rank 2 is for adapters of a trained model; name it with --from"
    ):
        train(folder.path, songs)
    config = small_config("SpectrogramNetSimple")
    with pytest.raises(InputError, match="the network has none"):
        draw_adapters(random_weights(config)["params"], 2, jax.random.key(0))
