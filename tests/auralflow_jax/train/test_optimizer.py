import jax
import numpy as np
import optax
import pytest

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError
from auralflow_jax.train.muon import scale_by_muon
from auralflow_jax.train.optimizer import evaluated, learning_rate, make_optimizer, update


@pytest.fixture(autouse=True)
def promotion_of_optax():
    """Lets optax mix its integer counts with Python's numbers, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize("schedule", ["plateau", "constant"])
def test_the_rate_rises_in_equal_parts_and_stays(schedule):
    rate = learning_rate(TrainingConfig(lr=0.4, warmup_steps=3, lr_schedule=schedule), total_steps=100)
    np.testing.assert_allclose([rate(step) for step in (0, 1, 2, 3, 4, 99)], [0.1, 0.2, 0.3, 0.4, 0.4, 0.4], rtol=1e-6)


def test_cosine_falls_from_the_full_rate_after_the_rise_to_zero_at_the_end():
    rate = learning_rate(TrainingConfig(lr=0.4, warmup_steps=20, lr_schedule="cosine"), total_steps=100)
    steps = np.arange(20, 100)
    expected = 0.4 * (1 + np.cos(np.pi * (steps - 20) / 80)) / 2
    np.testing.assert_allclose([rate(step) for step in steps], expected, rtol=1e-5, atol=1e-8)
    assert rate(100) == pytest.approx(0, abs=1e-8)


def test_a_short_run_gets_past_its_rise():
    rate = learning_rate(TrainingConfig(lr=0.4, warmup_steps=20), total_steps=8)
    assert [rate(step) for step in range(8)] == pytest.approx([0.4 / 3, 0.8 / 3] + 6 * [0.4])
    assert learning_rate(TrainingConfig(lr=0.4, warmup_steps=20), total_steps=1)(0) == pytest.approx(0.4)
    assert learning_rate(TrainingConfig(lr=0.4, warmup_steps=0), total_steps=9)(0) == pytest.approx(0.4)


def test_two_updates_are_adamw_of_the_clipped_gradient():
    """Against the formulas of Loshchilov and Hutter (2019), algorithm 2, in float64."""
    training = TrainingConfig(lr=0.1, warmup_steps=0, weight_decay=0.3, max_grad_norm=2.0, lr_schedule="constant")
    optimizer = make_optimizer(training, total_steps=10)
    weights = {"a": np.array([1.0, -2.0], np.float32), "b": np.array([[0.5]], np.float32)}
    gradients = [
        {"a": np.array([3.0, 0.0], np.float32), "b": np.array([[4.0]], np.float32)},  # norm 5
        {"a": np.array([0.1, -0.2], np.float32), "b": np.array([[0.3]], np.float32)},
    ]  # norm below 2
    state = optimizer.init(weights)
    first = {name: np.zeros(value.shape) for name, value in weights.items()}
    second = {name: np.zeros(value.shape) for name, value in weights.items()}
    for step, (gradient, shrink) in enumerate(zip(gradients, (2 / 5, 1), strict=True), start=1):
        updates, state = optimizer.update(gradient, state, weights)
        for name in weights:
            clipped = gradient[name].astype(np.float64) * shrink
            first[name] = 0.9 * first[name] + 0.1 * clipped
            second[name] = 0.999 * second[name] + 0.001 * clipped**2
            adam = first[name] / (1 - 0.9**step) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
            np.testing.assert_allclose(updates[name], -0.1 * (adam + 0.3 * weights[name]), rtol=1e-4, atol=1e-7)
        weights = {name: weights[name] + np.asarray(updates[name]) for name in weights}


RNG = np.random.default_rng(0)
WEIGHTS = {"a": {"kernel": RNG.standard_normal((3, 5)), "bias": RNG.standard_normal(5)}}
WEIGHTS |= {"b": {"weight": RNG.standard_normal((2, 4, 3))}}
GRADIENTS = [jax.tree.map(lambda x: RNG.standard_normal(x.shape), WEIGHTS) for _ in range(4)]
DECAY = 0.3


def run(lr, **settings):
    """The weights after each of four steps without clipping, and those to evaluate, in float64."""
    training = TrainingConfig(
        lr=lr, weight_decay=DECAY, max_grad_norm=1e9, warmup_steps=1, lr_schedule="constant", **settings
    )
    optimizer, weights, found = make_optimizer(training, total_steps=8), WEIGHTS, []
    with jax.enable_x64(True):  # Prodigy's first steps are too small for float32
        state = optimizer.init(weights)
        for gradient in GRADIENTS:
            updates, state = update(optimizer, gradient, state, weights)
            weights = optax.apply_updates(weights, updates)
            found.append(jax.device_get((weights, evaluated(weights, state))))
    return found


def assert_close(found, expected, **tolerance):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


def rates(lr):
    return [lr / 2, lr, lr, lr]


def test_muon_is_that_of_its_authors_and_adamw_for_the_rest():
    """Newton and Schulz's rounds act on singular values alone (Jordan et al. 2024), here by numpy's in float64."""

    def orthogonal(x):
        u, values, v = np.linalg.svd(x, full_matrices=False)
        values = values / np.linalg.norm(values, axis=-1, keepdims=True)
        for _ in range(5):
            values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
        return u * values[..., None, :] @ v

    found = run(0.1, optimizer="muon")
    for path in (("a", "kernel"), ("b", "weight")):
        weight, momentum = WEIGHTS[path[0]][path[1]], 0.0
        for (after, _), gradients, rate in zip(found, GRADIENTS, rates(0.1), strict=True):
            gradient = gradients[path[0]][path[1]]
            momentum = 0.95 * momentum + 0.05 * gradient
            step = 0.2 * max(weight.shape[-2:]) ** 0.5 * orthogonal(0.05 * gradient + 0.95 * momentum)
            weight = weight - rate * (step + DECAY * weight)
            np.testing.assert_allclose(after[path[0]][path[1]], weight, rtol=1e-5)
    plain = run(0.1, optimizer="adamw")
    assert_close([after["a"]["bias"] for after, _ in found], [after["a"]["bias"] for after, _ in plain], rtol=1e-12)


def test_muon_leaves_silence_alone_and_needs_linear_layers():
    zeros = {"weight": np.zeros((2, 3, 4), np.float32)}
    updates, _ = scale_by_muon().update(zeros, scale_by_muon().init(zeros))
    assert not np.any(updates["weight"])
    optimizer = make_optimizer(TrainingConfig(optimizer="muon"), 10)
    with pytest.raises(
        InputError, match="optimizer muon is for the weights of linear layers, and the network has none"
    ):
        optimizer.init({"conv": {"kernel": np.zeros((3, 3, 2, 2)), "bias": np.zeros(2)}})


def test_prodigy_is_algorithm_4_of_its_paper():
    """Mishchenko and Defazio 2024, with a bias correction, and with the safeguard of the authors' code; in float64."""
    found = run(1.0, optimizer="prodigy")
    leaves, treedef = jax.tree.flatten(WEIGHTS)
    start, d, r = [leaf.copy() for leaf in leaves], 1e-6, 0.0
    m, v, s = ([np.zeros_like(leaf) for leaf in leaves] for _ in range(3))
    for step, ((after, _), gradients, rate) in enumerate(zip(found, GRADIENTS, rates(1.0), strict=True), 1):
        gradients = treedef.flatten_up_to(gradients)
        factor = d * rate * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
        root = 0.999**0.5
        r = root * r + d / 1e-6 * factor * sum(
            np.vdot(g, a - b) for g, a, b in zip(gradients, start, leaves, strict=True)
        )
        for i, g in enumerate(gradients):
            m[i], v[i] = 0.9 * m[i] + 0.1 * d * g, 0.999 * v[i] + 0.001 * (d * g) ** 2
            s[i] = root * s[i] + d / 1e-6 * d * g
        d = max(d, r / sum(np.abs(part).sum() for part in s))
        steps = [first / (np.sqrt(second) + d * 1e-8) for first, second in zip(m, v, strict=True)]
        leaves = [leaf - factor * (part + DECAY * leaf) for leaf, part in zip(leaves, steps, strict=True)]
        moved = [leaf - first for leaf, first in zip(leaves, start, strict=True)]
        assert_close(jax.tree.map(np.subtract, after, WEIGHTS), treedef.unflatten(moved), rtol=1e-5)


def test_schedule_free_adamw_is_that_of_its_paper():
    """Defazio et al. 2024, algorithm 1: y is trained, x is evaluated, z makes the steps; in float64."""
    found = run(0.1, optimizer="schedule_free_adamw")
    leaves, treedef = jax.tree.flatten(WEIGHTS)
    x, y, z = leaves, leaves, leaves
    v, total = [np.zeros_like(leaf) for leaf in leaves], 0.0
    for step, ((after, kept), gradients, rate) in enumerate(zip(found, GRADIENTS, rates(0.1), strict=True), 1):
        gradients = treedef.flatten_up_to(gradients)
        v = [0.999 * old + 0.001 * g**2 for old, g in zip(v, gradients, strict=True)]
        steps = [g / (np.sqrt(u / (1 - 0.999**step)) + 1e-8) for g, u in zip(gradients, v, strict=True)]
        z = [a - rate * (part + DECAY * b) for a, b, part in zip(z, y, steps, strict=True)]
        total += rate**2
        share = rate**2 / total
        x = [(1 - share) * a + share * b for a, b in zip(x, z, strict=True)]
        y = [0.9 * a + 0.1 * b for a, b in zip(x, z, strict=True)]
        assert_close(after, treedef.unflatten(y), rtol=1e-5)
        assert_close(kept, treedef.unflatten(x), rtol=1e-5)


def test_other_optimizers_are_evaluated_where_they_train():
    found = run(0.1, optimizer="adamw")
    assert all(np.array_equal(kept["b"]["weight"], after["b"]["weight"]) for after, kept in found)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": "prodigy"}, "lr is a factor of the rate that prodigy finds, got 0.001, expected about 1"),
        ({"optimizer": "schedule_free_adamw"}, "lr_schedule is plateau, and schedule_free_adamw takes none"),
        ({"optimizer": "muon", "lora_rank": 4}, "optimizer muon changes whole matrices, got lora_rank 4, expected 0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        TrainingConfig(**settings)
