import jax
import numpy as np
import pytest

from auralflow_core.config import TrainingConfig
from auralflow_jax.train.optimizer import learning_rate, make_optimizer


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
