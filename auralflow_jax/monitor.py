"""What watches a run: losses that stop being finite, and a user who wants it to end."""

import collections
import math
import signal
from collections.abc import Sequence

import jax
import numpy as np

from auralflow.errors import InputError
from auralflow.tracks import Track

LAG = 2  # steps whose loss may still be on its way while the next one is sent off


class LossMonitor:
    """Reads losses from the device a few steps late, so that reading never holds up a step.

    Args:
        losses: where they are appended, in order.
        tracks: the training tracks, to name those of a bad batch.
        history: of the run, to name the last good checkpoint.
    """

    def __init__(self, losses: list[float], tracks: Sequence[Track], history: Sequence[dict]):
        self.losses, self.tracks, self.history = losses, tracks, history
        self.waiting: collections.deque = collections.deque()

    def add(self, step: int, loss: jax.Array, songs: np.ndarray) -> None:
        """Takes the loss of step `step`, whose batch was made of the tracks with these indices.

        Raises:
            InputError: the loss of this step, or of one shortly before, is not finite.
        """
        self.waiting.append((step, loss, songs))
        if len(self.waiting) > LAG:
            self._read()

    def drain(self) -> None:
        """Reads all that are left; raises as `add` does."""
        while self.waiting:
            self._read()

    def _read(self) -> None:
        step, loss, songs = self.waiting.popleft()
        loss = float(loss)
        if not math.isfinite(loss):
            names = sorted({self.tracks[song].name for song in np.unique(songs)})
            raise InputError(f"the loss of step {step} is {loss}; its batch came from {', '.join(names)}; "
                             f"{self.remedy(self.history)}")
        self.losses.append(loss)

    @staticmethod
    def remedy(history: Sequence[dict]) -> str:
        """How to go on after a loss that is not finite."""
        last = f"the last good checkpoint is that of step {history[-1]['step']}" if history else \
            "there is no checkpoint yet"
        return f"{last}; try a smaller training.lr or training.max_grad_norm, and look for damaged audio"


class Interrupted(Exception):
    """The run was asked to stop, and has saved itself."""


class Interrupt:
    """Turns the first Ctrl-C, or SIGTERM, into a wish that the run fulfils after the step under way.

    The second one ends the process at once, which leaves the last checkpoint. With several hosts nothing is
    caught: they would stop at different steps.
    """

    def __init__(self, progress):
        self.wanted = False
        self.progress = progress
        self.previous = {}
        if jax.process_count() == 1:
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number, frame) -> None:
        self.wanted = True
        self.close()
        self.progress.line("Finishing this step, then saving; once more to stop at once.")

    def close(self) -> None:
        """Puts the earlier handlers back."""
        for number, handler in self.previous.items():
            signal.signal(number, handler)
