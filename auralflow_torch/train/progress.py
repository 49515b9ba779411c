"""What a run says of itself while it lasts."""

import contextlib
import math
from collections.abc import Callable, Sequence

from rich.console import Console
from torch import Tensor

from auralflow_core.console.progress import progress_bar
from auralflow_core.errors import InputError
from auralflow_core.training.schedule import remedy
from auralflow_torch.train.loaders import Batches, count_batches


def finite(name: str, value: float | Tensor, saved_epochs: int) -> float:
    """The number, where it is one.

    Args:
        name: of what it is, the beginning of a sentence.
        value: a number, or a scalar on any device.
        saved_epochs: how many there are checkpoints of.

    Raises:
        InputError: it is not finite; says where to go on from, and what to try.
    """
    if not math.isfinite(value):
        raise InputError(f"{name} is {float(value)}; {remedy(saved_epochs or None, 'epoch')}")
    return float(value)


def steps_bar(
    loader: Batches, history: Sequence[dict], console: Console
) -> contextlib.AbstractContextManager[Callable[[str, int], None]]:
    """A bar of an epoch's steps, as `auralflow_core.console.progress.progress_bar`.

    There is none where neither the loader nor the epochs so far tell how many steps there are.
    """
    steps = count_batches(loader)
    if steps is None and history:
        steps = history[-1]["step"] // len(history)
    return contextlib.nullcontext(lambda name, done: None) if steps is None else progress_bar(steps, "steps", console)
