"""Losses and gradients of a run, read from the device and checked."""

import math

from torch import Tensor

from auralflow_core.errors import DivergedError
from auralflow_core.training.schedule import remedy


class LossMonitor:
    """Reads the losses of an epoch one step late, so that reading never holds up a step.

    Args:
        saved_epochs: number of epochs whose checkpoints exist.
        check_norms: whether the gradients' norm must be finite too. Scaled gradients of float16 may overflow: the
            scaler tries out scales that are too large, and leaves out the step.
    """

    def __init__(self, saved_epochs: int, check_norms: bool = True) -> None:
        self.saved_epochs, self.check_norms = saved_epochs, check_norms
        self.losses: list[float] = []
        self.waiting: tuple[int, Tensor, Tensor] | None = None

    def add(self, step: int, loss: Tensor, norm: Tensor) -> None:
        """Takes the loss and the gradients' norm of a step, scalars on the device.

        Raises:
            DivergedError: the loss or the norm of the step before is not finite.
        """
        self.drain()
        self.waiting = (step, loss, norm)

    def drain(self) -> None:
        """Reads what is left; raises as `add` does."""
        if self.waiting is None:
            return
        (step, loss, norm), self.waiting = self.waiting, None
        self.losses.append(require_finite("loss", loss, step, self.saved_epochs))
        if self.check_norms:
            require_finite("gradient's norm", norm, step, self.saved_epochs)

    def mean(self) -> float:
        """The mean loss of all steps, once all are read."""
        self.drain()
        return math.fsum(self.losses) / len(self.losses)


def require_finite(name: str, value: float | Tensor, step: int, saved_epochs: int, when: str = "of") -> float:
    """Returns a number if it is finite.

    Args:
        name: of the number, for the message.
        value: a number, or a scalar on any device.
        step: optimizer steps taken.
        saved_epochs: number of epochs whose checkpoints exist.
        when: stands between name and step in the message, such as `after`.

    Raises:
        DivergedError: it is not; says from where to go on, and what to try.
    """
    if math.isfinite(value):
        return float(value)
    checkpoint = saved_epochs or None
    message = f"the {name} {when} step {step} is {float(value)}; {remedy(checkpoint, 'epoch')}"
    raise DivergedError(message, step=step, checkpoint=checkpoint)
