"""Reasons to break off a run: losses that are no longer finite, and a user who wants it to end."""

import collections
import contextlib
import math
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

import jax
import numpy as np

from auralflow_core.console import interrupts
from auralflow_core.data.track import Track
from auralflow_core.errors import DivergedError
from auralflow_core.training.schedule import remedy

LAG = 2  # steps whose loss may still be on its way while the next one is sent off


class LossMonitor:
    """Reads metrics from the device a few steps late, so that reading never holds up a step.

    Args:
        losses: where the losses are appended, in order.
        tracks: the training tracks, to name those of a bad batch; empty where they are unknown.
        checkpoint: the step of the latest checkpoint, None before the first.
    """

    def __init__(self, losses: list[float], tracks: Sequence[Track], checkpoint: int | None):
        self.losses, self.tracks, self.checkpoint = losses, tracks, checkpoint
        self.waiting: collections.deque = collections.deque()

    def add(self, step: int, metrics: Mapping[str, jax.Array], drawn: Sequence[int] | np.ndarray = ()) -> None:
        """Takes the `loss` and `grad_norm` of step `step`, whose batch was made of the tracks with indices `drawn`.

        Raises:
            DivergedError: one of them, at this step or shortly before, is not finite.
        """
        self.waiting.append((step, metrics, drawn))
        if len(self.waiting) > LAG:
            self._read()

    def drain(self) -> None:
        """Reads all that are left; raises as `add` does."""
        while self.waiting:
            self._read()

    def _read(self) -> None:
        step, metrics, drawn = self.waiting.popleft()
        for key, name in (("loss", "loss"), ("grad_norm", "gradient's norm")):
            if not math.isfinite(value := float(metrics[key])):
                tracks = sorted({self.tracks[index].name for index in np.unique(np.asarray(drawn, int))})
                origin = f"its batch came from {', '.join(tracks)}; " if tracks else ""
                raise DivergedError(
                    f"the {name} of step {step} is {value}; {origin}{remedy(self.checkpoint)}",
                    step=step,
                    tracks=tracks,
                    checkpoint=self.checkpoint,
                )
        self.losses.append(float(metrics["loss"]))


class Interrupted(Exception):
    """The run was asked to stop, and has saved itself."""


class Interrupt(contextlib.AbstractContextManager):
    """Turns the first Ctrl-C or SIGTERM into a wish that the run fulfils after the step under way.

    The second one ends the process at once, which leaves the last checkpoint. With several hosts nothing is
    caught, because they would stop at different steps; nor is it outside the main thread, where Python sets no
    handlers.

    Args:
        say: shows a line.

    Attributes:
        wanted: whether the run was asked to stop.
    """

    def __init__(self, say: Callable[[str], None]):
        self.wanted = False
        self.say = say
        self.previous: dict = {}

    def __enter__(self) -> "Interrupt":
        if jax.process_count() == 1 and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.wanted = True
        self.close()
        interrupts.end_at_the_next()
        self.say("Finishing this step, then saving; once more to stop at once.")

    def close(self) -> None:
        """Puts the earlier handlers back."""
        for number, handler in self.previous.items():
            signal.signal(number, handler)
