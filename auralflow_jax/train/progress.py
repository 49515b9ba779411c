"""What a run tells while it works."""

import jax
from rich import progress as bars
from rich.console import Console

from auralflow_core.console.progress import duration
from auralflow_core.training.schedule import best_epoch, epoch_line


class Progress:
    """A bar with loss, speed and the time left, and a line for every epoch; silent on all hosts but the first."""

    def __init__(self, console: Console | None, is_first: bool):
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.is_first = is_first
        self.bar = bars.Progress(
            bars.TextColumn("epoch {task.fields[epoch]}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("loss {task.fields[loss]}  {task.fields[speed]} samples/s  epoch ends in"),
            bars.TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
            transient=True,
            disable=not (is_first and self.console.is_terminal),
            speed_estimate_period=300,
        )
        self.task = None

    def line(self, text: str) -> None:
        if self.is_first:
            self.console.print(text, markup=False)

    def start(self, run) -> None:
        """Says what is about to be trained, on what, and from where."""
        parameters = sum(leaf.size for leaf in jax.tree.leaves(run.state.params))
        config = run.config
        self.line(
            f"{type(config.model).__name__}, {parameters / 1e6:.2f} M parameters, targets "
            f"{', '.join(config.model.targets)}; {run.mesh.size} device(s)"
        )
        if run.note:
            self.line(run.note)
        self.line(
            f"{len(run.tracks)} training tracks ({duration(sum(track.seconds for track in run.tracks))}), "
            f"{len(run.valid_tracks)} validation tracks; {run.steps_per_epoch} steps of "
            f"{config.training.batch_size} crops an epoch"
        )
        if run.history or run.losses:
            self.line(
                f"Going on after step {int(run.state.step)} ({len(run.history)} of {config.training.max_epochs} "
                "epochs done)."
            )
        self.bar.start()

    def step(self, run, step: int, end: int) -> None:
        """One step of the epoch that ends at step `end` is under way."""
        if self.bar.disable:
            return
        if self.task is None:
            self.task = self.bar.add_task("", epoch="", loss="", speed="", total=run.steps_per_epoch)
        speed = self.bar.tasks[0].speed
        loss = f"{sum(run.losses) / len(run.losses):.4f}" if run.losses else "..."
        self.bar.update(
            self.task,
            completed=step - end + run.steps_per_epoch,
            loss=loss,
            epoch=f"{len(run.history) + 1}/{run.config.training.max_epochs}",
            speed="..." if speed is None else f"{speed * run.config.training.batch_size:.1f}",
        )

    def epoch(self, run) -> None:
        """An epoch has ended: one line, and the estimate for the run."""
        entry = run.history[-1]
        if self.task is not None:
            self.bar.reset(self.task)
        gains = entry["si_sdr_improvement"]
        scores = ", ".join(
            f"{target} {value:.2f} dB" + (f" ({gains[target]:+.2f})" if target in gains else "")
            for target, value in entry["si_sdr"].items()
        )
        self.line(
            epoch_line(run.history, run.config.training.max_epochs, f"SI-SDR {scores or 'undefined: silent targets'}")
        )

    def finish(self, reason: str, run) -> None:
        self.bar.stop()
        best = best_epoch(run.history)
        self.line(
            f"Done: {reason}. Best epoch {best['epoch']}, validation loss {best['valid_loss']:.4f}; "
            f"its weights: {run.folder.weights}"
        )

    def close(self) -> None:
        self.bar.stop()
