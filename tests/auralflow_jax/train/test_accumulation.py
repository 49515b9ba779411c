"""Steps whose batches are computed in parts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from roformer_files import MEL
from small_models import random_weights

from auralflow_core.config import from_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.losses import make_loss
from auralflow_jax.models.base import build
from auralflow_jax.train.plan import make_plan
from auralflow_jax.train.state import new_state
from auralflow_jax.train.step import make_train_step

CONFIG = from_dict({"model": MEL | {"model_name": "m"}, "dataset": {"sample_length": 0.2}})


@pytest.fixture(scope="module")
def steps():
    """Takes a step of a batch of 8 in some parts; returns the state, the metrics and the bytes that it takes."""
    model, optimizer = build(CONFIG), optax.sgd(100.0)  # far above the rounding of weights
    loss = make_loss(CONFIG.training, model.represent)
    rng = np.random.default_rng(0)
    targets = rng.standard_normal((8, 1, 2, CONFIG.crop_samples)).astype(np.float32)
    batch = {
        "mixture": targets.sum(1) + rng.standard_normal(targets.sum(1).shape).astype(np.float32),
        "targets": targets,
    }

    def take(parts):
        state = new_state(jax.tree.map(jnp.asarray, random_weights(CONFIG)), optimizer)
        step = make_train_step(model, loss, optimizer, accumulate_steps=parts)
        compiled = step.lower(state, batch).compile()
        state, metrics = compiled(state, jax.device_put(batch, compiled.input_shardings[0][1]))
        return jax.device_get(state), jax.device_get(metrics), compiled.memory_analysis().temp_size_in_bytes

    return take


def test_the_mean_over_parts_is_that_of_the_whole_batch_in_less_memory(steps):
    (whole, expected, all_at_once), (state, metrics, in_parts) = steps(1), steps(4)
    before = random_weights(CONFIG)["params"]
    moved = [jax.tree.map(np.subtract, one.params, before) for one in (whole, state)]
    for a, b in zip(*map(jax.tree.leaves, moved), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * max(np.abs(leaf).max() for leaf in jax.tree.leaves(moved[0])))
    assert metrics["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert metrics["grad_norm"] == pytest.approx(expected["grad_norm"], rel=1e-5)
    assert whole.step == state.step == 1 and in_parts < all_at_once / 2


def test_batches_that_cannot_be_divided_are_refused(steps, tmp_path, songs):
    with pytest.raises(InputError, match="a batch of 8 cannot be divided into accumulate_steps 3 parts"):
        steps(3)
    folder = ModelFolder(tmp_path / "m")
    folder.save_config(from_dict({"model": MEL | {"model_name": "m"}, "training": {"accumulate_steps": 3}}))
    words = r"config\.json: training\.batch_size 8 cannot be divided into accumulate_steps 3 parts; a multiple of 3"
    with pytest.raises(InputError, match=words):
        make_plan(folder, songs)
