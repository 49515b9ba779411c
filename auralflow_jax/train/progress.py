"""The lines and the bar that a run shows while it works."""

import contextlib
from collections.abc import Mapping
from typing import Any

import jax
from rich import progress as bars
from rich.console import Console

from auralflow_core.console.progress import duration
from auralflow_core.console.text import count
from auralflow_core.training.schedule import STAR, best_epoch, epoch_line
from auralflow_jax.train.plan import TrainingPlan
from auralflow_jax.train.state import RunState

LEGEND = f"{STAR} SI-SDR is that of the validation tracks; in brackets is the gain over the mixture itself."


class Progress(contextlib.AbstractContextManager):
    """A bar with loss, speed and the time left, and a line for every epoch; silent on all hosts but the first.

    Args:
        plan: of the run.
        console: where to; default: standard output.
    """

    def __init__(self, plan: TrainingPlan, console: Console | None = None):
        self.plan = plan
        self.console = console or Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
        self.is_first = jax.process_index() == 0
        self.bar = bars.Progress(
            bars.TextColumn("epoch {task.fields[epoch]}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("loss {task.fields[loss]}  {task.fields[speed]} samples/s  epoch ends in"),
            bars.TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
            transient=True,
            disable=not (self.is_first and self.console.is_terminal),
            speed_estimate_period=300,
        )
        self.task: bars.TaskID | None = None  # of the bar, from the first step on
        self.is_explained = False  # the lines of epochs, once the first has been shown

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def line(self, text: str) -> None:
        """Shows a line above the bar."""
        if self.is_first:
            self.console.print(text, markup=False)

    def start(self, run: RunState) -> None:
        """Says what is about to be trained, on what, and from where."""
        plan, config, tracks = self.plan, self.plan.config, self.plan.crops.tracks
        trained = sum(leaf.size for leaf in jax.tree.leaves(run.state.params)) / 1e6
        rank, base = config.training.lora_rank, run.base
        what = f"{trained:.2f} M parameters" + (f" in adapters of rank {rank} for {base}" if rank else "")
        self.line(
            f"{type(config.model).__name__}, {what}, targets "
            f"{', '.join(config.model.targets)}; {count(plan.mesh.size, 'device')}"
        )
        if plan.note:
            self.line(plan.note)
        self.line(
            f"{count(len(tracks), 'training track')} ({duration(sum(track.seconds for track in tracks))}), "
            f"{count(len(plan.segments.tracks), 'validation track')}; {count(plan.steps_per_epoch, 'step')} of "
            f"{count(config.training.batch_size, 'crop')} an epoch"
        )
        if plan.start and not run.history and not run.losses:
            self.line(plan.start.note)
        if run.data is not None and run.data != plan.data:
            before, now = map(_name_data, (run.data, plan.data))
            self.line(f"The run so far was on other data ({before}), and goes on with this one ({now}).")
        if run.history or run.losses:
            self.line(
                f"Going on after step {int(run.state.step)} ({len(run.history)} of {config.training.max_epochs} "
                "epochs done)."
            )
        self.bar.start()

    def step(self, run: RunState, step: int, end: int) -> None:
        """Shows that step `step` of the epoch that ends at step `end` is under way."""
        if self.bar.disable:
            return
        training, steps = self.plan.config.training, self.plan.steps_per_epoch
        if self.task is None:
            self.task = self.bar.add_task("", epoch="", loss="", speed="", total=steps)
        speed = self.bar.tasks[0].speed
        self.bar.update(
            self.task,
            completed=step - end + steps,
            loss=f"{sum(run.losses) / len(run.losses):.4f}" if run.losses else "...",
            epoch=f"{len(run.history) + 1}/{training.max_epochs}",
            speed="..." if speed is None else f"{speed * training.batch_size:.1f}",
        )

    def epoch(self, run: RunState) -> None:
        """Shows the epoch that has ended in one line, with the estimate for the run."""
        entry = run.history[-1]
        if self.task is not None:
            self.bar.reset(self.task)
        gains = entry["si_sdr_improvement"]
        scores = ", ".join(
            f"{target} {value:.2f} dB" + (f" ({gains[target]:+.2f})" if target in gains else "")
            for target, value in entry["si_sdr"].items()
        )
        scores = f"SI-SDR {scores or 'undefined: silent targets'}"
        if not self.is_explained:
            self.line(LEGEND)
            self.is_explained = True
        self.line(epoch_line(run.history, self.plan.config.training.max_epochs, scores))

    def finish(self, run: RunState, reason: str) -> None:
        """Says why the run has ended and where its best weights are."""
        self.bar.stop()
        best = best_epoch(run.history)
        self.line(
            f"Done: {reason}. Best epoch {best['epoch']}, validation loss {best['valid_loss']:.4f}; "
            f"its weights: {self.plan.folder.weights}"
        )


def _name_data(data: Mapping[str, Any]) -> str:
    count = data["tracks"]
    return f"{', '.join(data['datasets'])}: {'1 track' if count == 1 else f'{count} tracks'}"
