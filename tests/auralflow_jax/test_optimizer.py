import math

import numpy as np
import pytest

from auralflow.config import TrainingConfig
from auralflow_jax.optimizer import learning_rate, make_optimizer, plateau, reason_to_stop


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
    gradients = [{"a": np.array([3.0, 0.0], np.float32), "b": np.array([[4.0]], np.float32)},  # norm 5
                 {"a": np.array([0.1, -0.2], np.float32), "b": np.array([[0.3]], np.float32)}]  # norm below 2
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


def test_the_plateau_counts_epochs_without_a_better_loss():
    training = TrainingConfig(lr_patience=2, lr_decay=0.1, max_lr_steps=2)
    for losses, expected in [
        ([], (1, 0)), ([3], (1, 0)), ([3, 3], (1, 0)), ([3, 3, 3], (0.1, 1)), ([3, 4, 2, 3], (1, 0)),
        ([3, 4, 2, 3, 3], (0.1, 1)), ([3, 3, 3, 3, 3], (0.01, 2)), ([3, 3, 3, 2, 2, 2], (0.01, 2)),
        (7 * [3], (0.01, 3)),  # not reduced any further
    ]:
        factor, reductions = plateau(losses, training)
        assert (factor, reductions) == (pytest.approx(expected[0]), expected[1])
    assert plateau(7 * [3.0], TrainingConfig(lr_schedule="cosine", lr_patience=2)) == (1.0, 0)


def test_a_run_stops_for_the_first_reason_there_is():
    few = TrainingConfig(max_epochs=3)
    assert reason_to_stop([], few) is None and reason_to_stop([1, 1], few) is None
    assert reason_to_stop([1, 1, 1], few) == "all 3 epochs are done"

    patient = TrainingConfig(stop_patience=3, lr_patience=10)
    assert reason_to_stop([3, 2, 5, 5], patient) is None
    assert reason_to_stop([3, 2, 5, 5, 5], patient) == "no better validation loss in 3 epochs (stop_patience)"
    assert reason_to_stop([3, 2, 5, 5, 1, 5], patient) is None
    assert reason_to_stop([2, 2, 2, 2], patient) is not None  # as good is not better

    reduced = TrainingConfig(stop_patience=50, lr_patience=2, max_lr_steps=2)
    assert reason_to_stop(6 * [1.0], reduced) is None  # reduced twice, and still waiting
    assert reason_to_stop(7 * [1.0], reduced) == (
        "the learning rate was reduced 2 times and the loss still stands (max_lr_steps)")
    assert math.isclose(plateau(6 * [1.0], reduced)[0], 0.25)
