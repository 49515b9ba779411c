from functools import partial

import jax
import numpy as np
import optax
import pytest
import torch
from small_models import PROVENANCE, make_model, random_bits, random_weights, same_bits, small_config

from auralflow_core.errors import InputError
from auralflow_core.weights.names import to_torch
from auralflow_core.weights.training_state import read_training, write_training
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.train.checkpoint import Checkpoints
from auralflow_jax.train.optimizer import make_optimizer, update
from auralflow_torch.networks import build_network
from auralflow_torch.train.training_state import optimizer_state, training_tensors
from auralflow_torch.weights import load_state
from bridge.conversion import to_flax
from bridge.training_state import fresh_state, read_run, training_to_flax, training_to_torch

CONFIG = small_config(lr_schedule="constant", warmup_steps="0", lr="0.01", weight_decay="0.1")
RUN = {"history": [{"epoch": 1, "step": 3, "valid_loss": 0.5}, {**PROVENANCE}], "losses": [0.75]}


def random_state(step=7):
    """A state in which no two groups of tensors are alike, every one of random bits."""
    shapes = abstract_variables(CONFIG)
    state = fresh_state(random_bits(shapes, 1), CONFIG)
    first, second = random_bits(shapes, 2)["params"], random_bits(shapes, 3)["params"]
    return state.replace(
        step=np.array(step, np.int32),
        ema=random_bits(shapes, 4),
        lr_scale=np.array(0.25, np.float32),
        opt_state=optax.tree_utils.tree_set(state.opt_state, mu=first, nu=second, count=np.array(step, np.int32)),
    )


def test_a_training_state_goes_through_a_file_bit_for_bit(tmp_path):
    state, best = random_state(), random_bits(abstract_variables(CONFIG), 5)
    write_training(tmp_path / "t.safetensors", training_to_torch(state, best), CONFIG, RUN)
    training, config, run = read_training(tmp_path / "t.safetensors")
    again, best_again = training_to_flax(training, config)
    assert run == RUN and same_bits(again, state) and same_bits(best_again, best)


def test_the_state_of_a_folder_is_its_latest_checkpoint(tmp_path):
    state, best = random_state(), random_bits(abstract_variables(CONFIG), 5)
    folder = make_model(tmp_path / "model", CONFIG, best)
    with pytest.raises(InputError, match="has no training state yet"):
        read_run(folder.path)
    checkpoints = Checkpoints(folder)
    checkpoints.save(state, CONFIG, RUN)
    checkpoints.close()
    training, config, run = read_run(folder.path)
    again, best_again = training_to_flax(training, config)
    assert (config, run) == (CONFIG, RUN) and same_bits(again, state) and same_bits(best_again, best)


def test_weights_alone_become_raw_and_averaged_weights():
    weights = random_weights(CONFIG)
    state = fresh_state(weights, CONFIG)
    assert same_bits(jax.device_get(state.variables), weights) and same_bits(jax.device_get(state.ema), weights)
    assert state.step == 0 and all(not leaf.any() for leaf in jax.tree.leaves(state.opt_state))


def gradients(step):
    """For step `step`, small enough to be left alone by the clipping of the global norm."""
    rng = np.random.default_rng(100 + step)
    params = abstract_variables(CONFIG)["params"]
    return jax.tree.map(lambda s: (1e-3 * rng.standard_normal(s.shape)).astype(np.float32), params)


adamw_update = jax.jit(partial(update, make_optimizer(CONFIG.training, total_steps=1000)))


def jax_steps(state, steps):
    for step in steps:
        updates, opt_state = adamw_update(gradients(step), state.opt_state, state.params)
        state = state.replace(
            step=state.step + 1, opt_state=opt_state, params=optax.apply_updates(state.params, updates)
        )
    return state


def torch_run(training):
    network = build_network(CONFIG)
    load_state(network, training.params)
    optimizer = torch.optim.AdamW(network.parameters(), CONFIG.training.lr, weight_decay=CONFIG.training.weight_decay)
    optimizer.load_state_dict(optimizer_state(training, network, optimizer))
    return network, optimizer


def torch_steps(network, optimizer, steps):
    for step in steps:
        for name, gradient in to_torch({"params": gradients(step)}).items():
            network.get_parameter(name).grad = torch.from_numpy(gradient)
        optimizer.step()


@pytest.mark.parametrize("moves", [[0, 4], [4, 4], [2, 5]])
def test_a_run_of_adamw_goes_on_in_the_other_framework(moves):
    """Steps up to the first move are JAX's, up to the second torch's, the rest JAX's again."""
    first, second = moves
    start = fresh_state(random_weights(CONFIG, 1), CONFIG).replace(ema=random_weights(CONFIG, 2))
    whole = jax_steps(start, range(7))

    training = training_to_torch(jax_steps(start, range(first)), None)
    network, optimizer = torch_run(training)
    torch_steps(network, optimizer, range(first, second))
    ema = {name: torch.from_numpy(array) for name, array in training.ema.items()}
    back = training_tensors(network, optimizer, ema, None, float(training.lr_scale))
    assert back.step == second
    state, best = training_to_flax(back, CONFIG)
    moved = jax_steps(state, range(second, 7))

    assert best is None and same_bits(jax.device_get(moved.ema), jax.device_get(start.ema))
    assert moved.step == whole.step == 7
    for a, b in zip(jax.tree.leaves(moved.params), jax.tree.leaves(whole.params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    moments = [optax.tree_utils.tree_get(state.opt_state, "mu") for state in (moved, whole)]
    for a, b in zip(*map(jax.tree.leaves, moments), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_moments_of_averaged_weights_would_show():
    """The check above notices a pairing of the moments with the averaged weights."""
    start = fresh_state(random_weights(CONFIG, 1), CONFIG).replace(ema=random_weights(CONFIG, 2))
    whole = jax_steps(start, range(3))
    wrong = jax_steps(jax_steps(start, range(2)).replace(params=start.ema["params"]), [2])
    assert (
        max(
            np.abs(a - b).max()
            for a, b in zip(jax.tree.leaves(wrong.params), jax.tree.leaves(whole.params), strict=True)
        )
        > 0.1
    )


def test_the_order_of_parameters_in_the_optimizer_does_not_matter():
    training = training_to_torch(jax_steps(fresh_state(random_weights(CONFIG), CONFIG), range(2)), None)
    network = build_network(CONFIG)
    load_state(network, training.params)
    names = dict(network.named_parameters())
    biases = [parameter for name, parameter in names.items() if name.endswith("bias")]
    rest = [parameter for name, parameter in names.items() if not name.endswith("bias")]
    optimizer = torch.optim.AdamW([{"params": biases, "lr": 0.5}, {"params": rest}])
    optimizer.load_state_dict(optimizer_state(training, network, optimizer))
    assert optimizer.param_groups[0]["lr"] == 0.5
    for name, parameter in names.items():
        assert torch.equal(optimizer.state[parameter]["exp_avg"], torch.from_numpy(training.exp_avg[name])), name
    back = training_tensors(network, optimizer, network.state_dict(), None)
    assert same_bits(back.exp_avg, training.exp_avg) and same_bits(back.exp_avg_sq, training.exp_avg_sq)


def test_states_that_do_not_fit_are_refused():
    state = random_state()
    training = training_to_torch(state, None)
    network, optimizer = torch_run(training)
    with pytest.raises(InputError, match=r"\[6\] steps, expected 7"):
        training_to_torch(
            state.replace(opt_state=optax.tree_utils.tree_set(state.opt_state, count=np.array(6, np.int32))), None
        )
    training.exp_avg["head.bias"] = np.zeros(3, np.float32)
    words = r"\(exp_avg\): .*'head.bias' is \(3,\), expected \(1,\)"
    with pytest.raises(InputError, match=words):
        optimizer_state(training, network, optimizer)
    with pytest.raises(InputError, match=words):
        training_to_flax(training, CONFIG)
    del optimizer.state[network.head.bias]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(InputError, match="'head.bias' of shape .* has seen 0 steps of AdamW, expected 7"):
        training_tensors(network, optimizer, network.state_dict(), None)
    with pytest.raises(InputError, match="the optimizer holds 37 parameters, expected the network's 36"):
        training_tensors(
            network,
            torch.optim.AdamW([*network.parameters(), torch.zeros(1, requires_grad=True)]),
            network.state_dict(),
            None,
        )


def test_moments_in_a_file_of_another_network_are_refused(tmp_path):
    training = training_to_torch(random_state(), None)
    write_training(tmp_path / "t.safetensors", training, small_config(depth="1"), {"history": [], "losses": []})
    found, config, _ = read_training(tmp_path / "t.safetensors")
    with pytest.raises(InputError, match=r"training state \(params\): the tensors do not fit the network: .*left over"):
        training_to_flax(found, config)
    with pytest.raises(InputError, match="missing"):
        to_flax(training.ema, small_config("SpectrogramNetVAE"))
