"""What watches a run: losses that stop being finite, and a user who wants it to end."""

import collections
import math
import signal
import threading
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from auralflow_core.data.track import Track
from auralflow_core.errors import InputError
from auralflow_core.training.schedule import remedy

LAG = 2  # steps whose loss may still be on its way while the next one is sent off


class LossMonitor:
    """Reads metrics from the device a few steps late, so that reading never holds up a step.

    Args:
        losses: where the losses are appended, in order.
        tracks: the training tracks, to name those of a bad batch.
        checkpoint: the step of the latest checkpoint, None where there is none.
    """

    def __init__(self, losses: list[float], tracks: Sequence[Track], checkpoint: int | None):
        self.losses, self.tracks, self.checkpoint = losses, tracks, checkpoint
        self.waiting: collections.deque = collections.deque()

    def add(self, step: int, metrics: Mapping[str, jax.Array], songs: np.ndarray) -> None:
        """Takes the `loss` and `grad_norm` of step `step`, whose batch was made of the tracks with these indices.

        Raises:
            InputError: one of them, at this step or shortly before, is not finite.
        """
        self.waiting.append((step, metrics, songs))
        if len(self.waiting) > LAG:
            self._read()

    def drain(self) -> None:
        """Reads all that are left; raises as `add` does."""
        while self.waiting:
            self._read()

    def _read(self) -> None:
        step, metrics, songs = self.waiting.popleft()
        for name, what in (("loss", "loss"), ("grad_norm", "gradient's norm")):
            if not math.isfinite(value := float(metrics[name])):
                names = sorted({self.tracks[song].name for song in np.unique(songs)})
                raise InputError(
                    f"the {what} of step {step} is {value}; its batch came from {', '.join(names)}; "
                    f"{remedy(self.checkpoint)}"
                )
        self.losses.append(float(metrics["loss"]))


class Interrupted(Exception):
    """The run was asked to stop, and has saved itself."""


class Interrupt:
    """Turns the first Ctrl-C, or SIGTERM, into a wish that the run fulfils after the step under way.

    The second one ends the process at once, which leaves the last checkpoint. With several hosts nothing is
    caught: they would stop at different steps. Nor is it in a thread, where Python sets no handlers.
    """

    def __init__(self, progress):
        self.wanted = False
        self.progress = progress
        self.previous = {}
        if jax.process_count() == 1 and threading.current_thread() is threading.main_thread():
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
