import math

import pytest

from auralflow_core.config import TrainingConfig
from auralflow_core.training.schedule import best_epoch, epoch_line, plateau, reason_to_stop


def test_the_first_of_equally_good_epochs_is_the_best():
    history = [{"step": 1, "valid_loss": 0.5}, {"step": 2, "valid_loss": 0.3}, {"step": 3, "valid_loss": 0.3}]
    assert best_epoch(history)["step"] == 2


def test_the_plateau_counts_epochs_without_a_better_loss():
    training = TrainingConfig(lr_patience=2, lr_decay=0.1, max_lr_steps=2)
    for losses, expected in [
        ([], (1, 0)),
        ([3], (1, 0)),
        ([3, 3], (1, 0)),
        ([3, 3, 3], (0.1, 1)),
        ([3, 4, 2, 3], (1, 0)),
        ([3, 4, 2, 3, 3], (0.1, 1)),
        ([3, 3, 3, 3, 3], (0.01, 2)),
        ([3, 3, 3, 2, 2, 2], (0.01, 2)),
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
        "the learning rate was reduced 2 times and the loss still stands (max_lr_steps)"
    )
    assert math.isclose(plateau(6 * [1.0], reduced)[0], 0.25)


def test_an_epoch_in_one_line():
    history = [
        {
            "epoch": epoch,
            "train_loss": 0.5,
            "valid_loss": loss,
            "lr": 1e-3,
            "samples_per_second": 12.34,
            "seconds": 30.0,
        }
        for epoch, loss in ((1, 0.25), (2, 0.75))
    ]
    assert epoch_line(history[:1], 4) == (
        "epoch   1  train 0.5000  valid 0.2500 *  lr 0.001  12.3 samples/s  at most 1:30 left"
    )
    assert epoch_line(history, 4, "SI-SDR undefined") == (
        "epoch   2  train 0.5000  valid 0.7500    SI-SDR undefined  lr 0.001  12.3 samples/s  at most 1:00 left"
    )
