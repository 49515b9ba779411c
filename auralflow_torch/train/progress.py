"""The lines and the bar that a run shows while it lasts."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from auralflow_core.console.progress import progress_bar
from auralflow_core.model_folder import ModelFolder
from auralflow_core.training.schedule import STAR, best_epoch, epoch_line
from auralflow_torch.train.loaders import Batches, count_batches


class Progress:
    """Shows a run as lines on a console.

    Args:
        console: where to.
        folder: the model's, None without one.
    """

    def __init__(self, console: Console, folder: ModelFolder | None) -> None:
        self.console, self.folder = console, folder
        self.is_explained = False  # the lines of epochs, once the first has been shown

    def line(self, text: str) -> None:
        """Shows a line."""
        self.console.print(text, markup=False)

    def moved(self, aside: Path) -> None:
        """Says where an earlier run was moved to."""
        self.line(f"The earlier run now lies in {aside}.")

    def resumed(self, history: Sequence[dict], step: int) -> None:
        """Says from where the run goes on."""
        self.line(f"Going on after epoch {len(history)}, step {step}.")

    def steps_bar(
        self, loader: Batches, history: Sequence[dict]
    ) -> contextlib.AbstractContextManager[Callable[[str, int], None]]:
        """A bar of an epoch's steps, as `auralflow_core.console.progress.progress_bar`.

        Nothing is shown where neither the loader nor the epochs so far tell the number of steps.
        """
        steps = count_batches(loader)
        if steps is None and history:
            steps = history[-1]["step"] // len(history)
        if steps is None:
            return contextlib.nullcontext(lambda name, done: None)
        return progress_bar(steps, "steps", self.console)

    def epoch(self, history: Sequence[dict], max_epochs: int) -> None:
        """Shows the epoch that has ended in one line."""
        if not self.is_explained:
            self.line(STAR)
            self.is_explained = True
        self.line(epoch_line(history, max_epochs))

    def interrupted(self, history: Sequence[dict]) -> None:
        """Says how to go on after Ctrl-C."""
        kept = self.folder is not None and history
        self.line(
            f"Interrupted in epoch {len(history) + 1}, of which nothing is kept"
            f"{'; the same call begins it again.' if kept else '.'}"
        )

    def finish(self, history: Sequence[dict], reason: str) -> None:
        """Says why the run has ended and where its best weights are."""
        best = best_epoch(history)
        where = f"; its weights: {self.folder.weights}" if self.folder else ""
        self.line(f"Done: {reason}. Best epoch {best['epoch']}, validation loss {best['valid_loss']:.4f}{where}")
