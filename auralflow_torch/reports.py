"""What a run says of itself."""

import contextlib
import math
from collections.abc import Callable, Sequence

from rich.console import Console
from torch import Tensor

from auralflow.errors import InputError
from auralflow.history import best_epoch
from auralflow.terminal import duration, progress_bar
from auralflow_torch.loaders import Batches, count_batches


def epoch_line(history: Sequence[dict], max_epochs: int) -> str:
    """The last epoch, marked where it is the best so far, and how long the others will take at most."""
    entry = history[-1]
    mark = "*" if best_epoch(history) is entry else " "
    left = (max_epochs - len(history)) * entry["seconds"]
    return (f"epoch {entry['epoch']:>3}  train {entry['train_loss']:.4f}  valid {entry['valid_loss']:.4f} {mark} "
            f" lr {entry['lr']:.2g}  {entry['samples_per_second']:.1f} samples/s  at most {duration(left)} left")


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
        last = f"the last good checkpoint is that of epoch {saved_epochs}" if saved_epochs \
            else "there is no checkpoint yet"
        raise InputError(f"{name} is {float(value)}; {last}; try a smaller lr or max_grad_norm, and look for damaged "
                         "audio")
    return float(value)


def steps_bar(loader: Batches, history: Sequence[dict],
              console: Console) -> contextlib.AbstractContextManager[Callable[[str, int], None]]:
    """A bar of an epoch's steps, as `auralflow.terminal.progress_bar`; none where neither the loader nor the epochs
    so far tell how many there are.
    """
    steps = count_batches(loader)
    if steps is None and history:
        steps = history[-1]["step"] // len(history)
    return contextlib.nullcontext(lambda name, done: None) if steps is None else progress_bar(steps, "steps", console)
