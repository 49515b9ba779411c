import math
import os
import signal
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from auralflow_core.errors import DivergedError
from auralflow_jax.train.monitor import LAG, Interrupt, LossMonitor

TRACKS = [SimpleNamespace(name=name) for name in ("Abel", "Bea", "Cid")]
DRAWN = np.array([[2, 0], [0, 0]])


def metrics(loss, norm=1.0):
    return {"loss": loss, "grad_norm": norm}


def test_losses_are_read_late_and_in_order():
    losses = []
    monitor = LossMonitor(losses, TRACKS, None)
    for step in range(1, 6):
        monitor.add(step, metrics(step / 10), DRAWN)
        assert len(losses) == max(0, step - LAG)
    monitor.drain()
    assert losses == [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (
            metrics(math.nan),
            (
                "the loss of step 7 is nan; its batch came from Abel, Cid; the last good checkpoint is that "
                "of step 5; try a smaller"
            ),
        ),
        (metrics(-math.inf), "the loss of step 7 is -inf"),
        (metrics(0.5, math.inf), "the gradient's norm of step 7 is inf"),
    ],
)
def test_what_is_not_finite_ends_the_run(bad, words):
    losses = []
    monitor = LossMonitor(losses, TRACKS, 5)
    monitor.add(6, metrics(0.5), DRAWN)
    monitor.add(7, bad, DRAWN)
    with pytest.raises(DivergedError, match=words):
        monitor.drain()
    assert losses == [0.5]


def test_the_second_interruption_is_the_usual_one():
    told = []
    with Interrupt(told.append) as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.wanted and len(told) == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_thread_leaves_signals_alone():
    before, seen = signal.getsignal(signal.SIGINT), []
    thread = threading.Thread(target=lambda: seen.append(Interrupt(print).__enter__()))
    thread.start()
    thread.join()
    assert len(seen) == 1 and signal.getsignal(signal.SIGINT) is before
