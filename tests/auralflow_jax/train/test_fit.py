import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from msgspec.structs import replace

import auralflow_jax
from auralflow_core.errors import DivergedError, InputError
from auralflow_core.weights.file import read_tensors
from auralflow_jax.losses import as_criterion, make_loss
from auralflow_jax.train import fit
from auralflow_jax.train.state import new_state
from auralflow_jax.train.step import make_train_step

SAMPLES = 6000


def make_batches(count, size=4, seed=0):
    """Vocals are a slow tone of random phase, everything else is noise."""
    rng = np.random.default_rng(seed)
    batches = []
    for _ in range(count):
        phases = rng.uniform(0, 2 * np.pi, (size, 1, 1))
        vocals = 0.3 * np.sin(2 * np.pi * 300 * np.arange(SAMPLES) / 8000 + phases)
        mixture = vocals + 0.3 * rng.standard_normal(vocals.shape)
        batches.append({"mixture": mixture.astype(np.float32), "targets": vocals[:, None].astype(np.float32)})
    return batches


@pytest.fixture(scope="module")
def model(tiny_config):
    training = replace(tiny_config.training, max_epochs=3, ema_decay=0.0, warmup_steps=0)
    return auralflow_jax.create_model(replace(tiny_config, training=training))


@pytest.fixture(scope="module")
def loss(model):
    return make_loss(model.settings.training, model.represent)


def test_a_model_learns_and_its_folder_loads(model, loss, tmp_path, capsys):
    before = jax.tree.map(np.array, model.variables)
    batches = make_batches(4)
    fitted, history = fit(model, loss, batches, make_batches(1, seed=1), folder=tmp_path / "model")
    assert [(epoch["epoch"], epoch["step"]) for epoch in history] == [(1, 4), (2, 8), (3, 12)]
    assert history[2]["train_loss"] < history[0]["train_loss"] and history[2]["valid_loss"] < history[0]["valid_loss"]
    assert capsys.readouterr().out.count("\nepoch ") == 3  # after a line that explains their star
    jax.tree.map(np.testing.assert_array_equal, model.variables, before)  # the model that went in is as it was
    best = min(history, key=lambda epoch: epoch["valid_loss"])
    assert read_tensors(tmp_path / "model" / "checkpoint" / "best.safetensors").provenance == best
    loaded = auralflow_jax.load(tmp_path / "model")
    jax.tree.map(np.testing.assert_array_equal, loaded.variables, fitted.variables)
    assert loaded.settings == model.settings
    with pytest.raises(InputError, match="model: exists already; name a new folder"):
        fit(model, loss, batches, batches, folder=tmp_path / "model")


def test_the_steps_are_those_of_make_train_step(model, loss):
    batches, optimizer = make_batches(3), optax.sgd(0.1)
    fitted, history = fit(model, loss, iter(batches), batches[:1], optimizer=optimizer)
    seed = model.settings.training.seed
    step = make_train_step(model, loss, optimizer, seed=seed)
    state, losses = new_state(jax.tree.map(jnp.copy, model.variables), optimizer), []
    for batch in batches:
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    assert len(history) == 1  # an iterator has one pass
    assert history[0]["train_loss"] == pytest.approx(np.mean(losses), rel=1e-6)
    jax.tree.map(np.testing.assert_array_equal, fitted.variables, state.variables)


def test_validation_is_the_mean_over_examples_of_the_average(tiny_config):
    training = replace(tiny_config.training, max_epochs=1, ema_decay=0.5)
    model = auralflow_jax.create_model(replace(tiny_config, training=training))
    loss = as_criterion(lambda estimate, target: (estimate - target) ** 2)
    valid = make_batches(1, size=4, seed=1) + make_batches(1, size=2, seed=2)
    fitted, [epoch] = fit(model, loss, make_batches(2), valid, optimizer=optax.sgd(0.1))
    errors = [
        np.mean((np.asarray(fitted.estimate(batch["mixture"]).audio) - batch["targets"]) ** 2, axis=(1, 2, 3))
        for batch in valid
    ]
    assert epoch["valid_loss"] == pytest.approx(np.concatenate(errors).mean(), rel=1e-5)


def test_input_that_cannot_be_used_is_refused(model, loss):
    [good] = make_batches(1)
    sgd = optax.sgd(0.1)
    with pytest.raises(InputError, match=r"lacks 'targets'"):
        fit(model, loss, [{"mixture": good["mixture"]}], [good])
    with pytest.raises(
        InputError, match=r"targets \(4, 1, 6000\), expected .*batch, targets, channels, samples.*1 target"
    ):
        fit(model, loss, [good | {"targets": good["targets"][:, 0]}], [good])
    with pytest.raises(InputError, match="batches is a generator without a length"):
        fit(model, loss, (batch for batch in [good]), [good])
    for name, batches, valid in (("batches", [], [good]), ("valid", [good], [])):
        with pytest.raises(InputError, match=f"{name} gave 0 batches in a pass, expected at least 1"):
            fit(model, loss, batches, valid, optimizer=sgd)
    bad = good | {"targets": np.full_like(good["targets"], np.nan)}
    with pytest.raises(DivergedError, match="the loss of step 2 is nan; there is no checkpoint yet") as caught:
        fit(model, loss, [good, bad], [good], optimizer=sgd)
    assert caught.value.step == 2
    with pytest.raises(DivergedError, match="the validation loss after step 1 is nan"):
        fit(model, loss, [good], [bad], optimizer=sgd)
