"""Frozen layers: weights and statistics stay as they are while the others train, in both frameworks alike."""

import numpy as np
import optax
import pytest
import torch
from flax.traverse_util import flatten_dict
from msgspec.structs import replace
from small_models import make_model, random_weights, same_bits, small_config

import auralflow_jax
import auralflow_torch
from auralflow_core.config import from_dict, to_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.losses import make_loss
from auralflow_jax.train.fitting import fit
from auralflow_jax.train.run import train
from auralflow_jax.train.state import new_state
from auralflow_jax.weights import load_weights
from auralflow_torch.losses import L1Loss
from auralflow_torch.train.trainer import ModelTrainer

LAYERS = ("down_0", "head")


def freeze(config, *layers, **training):
    return replace(config, training=replace(config.training, frozen=layers, **training))


def tensors(variables):
    return {"/".join(path): np.asarray(leaf) for path, leaf in flatten_dict(variables).items()}


@pytest.mark.parametrize("layers", [LAYERS, ("down.0.norm.*", "head")])
def test_training_leaves_them_alone_as_torch_does(tmp_path, layers):
    settings = {"max_epochs": 3, "warmup_steps": 0, "lr": 1e-3, "lr_schedule": "constant", "max_grad_norm": 0.1}
    config = freeze(small_config("SpectrogramNetSimple", dropout_p="0"), *layers, **settings, ema_decay=0.5)
    folder = make_model(tmp_path / "model", config)
    rng = np.random.default_rng(0)
    mixture, target = rng.uniform(-0.5, 0.5, (2, 2, 1, config.crop_samples)).astype(np.float32)
    model = auralflow_jax.load(folder.path)
    loss = make_loss(config.training, model.represent)
    batches = [{"mixture": mixture, "targets": target[:, None]}]
    best, history = fit(model, loss, batches, batches)

    before, after = tensors(model.variables), tensors(best.variables)
    parts = ("/down_0/", "/head/") if layers is LAYERS else ("/down_0/norm_", "/head/")
    frozen = {name for name in before if any(part in f"/{name}" for part in parts)}
    assert {name for name in before if np.array_equal(before[name], after[name])} == frozen
    assert any(name.startswith("batch_stats") for name in frozen)

    twin = auralflow_torch.load(folder.path)
    batch = [(torch.from_numpy(mixture), torch.from_numpy(target))]
    theirs = ModelTrainer(twin, L1Loss(twin)).train(batch, batch)
    for key in ("train_loss", "valid_loss"):
        np.testing.assert_allclose([e[key] for e in history], [e[key] for e in theirs], rtol=1e-4)


def test_a_run_goes_on_with_the_same_layers_frozen(tmp_path, songs, tiny_config):
    folder, found = ModelFolder(tmp_path / "model"), []
    for epochs in (1, 2):
        folder.save_config(freeze(tiny_config, *LAYERS, max_epochs=epochs))
        train(folder.path, songs)
        found.append(load_weights(folder.weights)[0])
    for kind, layer in (("params", "down_0"), ("params", "head"), ("batch_stats", "down_0")):
        assert same_bits(*(variables[kind][layer] for variables in found))
    assert not same_bits(*(variables["params"] for variables in found))
    assert not found[1]["batch_stats"]["down_0"]["norm_0"]["mean"].any()  # no batch was seen
    folder.save_config(freeze(tiny_config, "head"))
    with pytest.raises(InputError, match=r"other settings: frozen \(\('down_0', 'head'\) there, \('head',\) here\)"):
        train(folder.path, songs)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (("head", "down_9"), "training.frozen: 'down_9' is no layer of the network; did you mean 'down"),
        (("*",), r"training.frozen: '\*' is all of the network"),
        (("head.bias.x",), "is no layer of the network"),
        (("",), "is no layer of the network"),
    ],
)
def test_layers_that_do_not_exist_and_nothing_to_train_are_refused(layers, words):
    config = small_config("SpectrogramNetSimple")
    with pytest.raises(InputError, match=words):
        new_state(random_weights(config), optax.sgd(1.0), layers)
    model = auralflow_torch.create_model(config)
    with pytest.raises(InputError, match=words):
        ModelTrainer(model, L1Loss(model), frozen=layers)


def test_adapters_and_frozen_layers_exclude_each_other():
    plain = to_dict(small_config("SpectrogramNetSimple"))
    with pytest.raises(InputError, match="lora_rank 2 freezes all weights, got frozen"):
        from_dict(plain | {"training": plain["training"] | {"lora_rank": 2, "frozen": ["head"]}})
