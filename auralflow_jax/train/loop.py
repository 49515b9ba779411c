"""The loop of a run: the steps of an epoch, its end, and the next one."""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np

from auralflow_core.errors import DivergedError, InputError, TrainingError
from auralflow_core.memory import give_back_memory
from auralflow_core.training.record import speed_since
from auralflow_core.training.schedule import plateau, reason_to_stop, remedy
from auralflow_jax.data.batches import Batch, training_batches
from auralflow_jax.train.checkpoint import Checkpoints
from auralflow_jax.train.monitor import Interrupt, Interrupted, LossMonitor
from auralflow_jax.train.plan import TrainingPlan
from auralflow_jax.train.progress import Progress
from auralflow_jax.train.sharding import replicated, shard_batch
from auralflow_jax.train.snippets import Visualizer
from auralflow_jax.train.state import RunState
from auralflow_jax.train.step import TrainStep, make_train_step
from auralflow_jax.train.validation import EvalStep, make_eval_step, validate


@dataclass(frozen=True)
class Loop:
    """All that the epochs of a run work with."""

    plan: TrainingPlan
    train_step: TrainStep
    eval_step: EvalStep
    batches: Iterator[Batch]
    checkpoints: Checkpoints
    progress: Progress
    interrupt: Interrupt
    visualizer: Visualizer | None  # on the first host

    def save(self, run: RunState) -> None:
        record = {"history": run.history, "losses": run.losses, "data": self.plan.data}
        record |= {"base": run.base} if run.base else {}
        self.checkpoints.save(run.state, self.plan.config, record)


@contextlib.contextmanager
def open_loop(plan: TrainingPlan, run: RunState, checkpoints: Checkpoints, progress: Progress) -> Iterator[Loop]:
    """Makes the steps, and opens what reads, watches and writes while the block runs."""
    training, hosts = plan.config.training, (jax.process_index(), jax.process_count())
    with contextlib.ExitStack() as stack:
        batches = training_batches(plan.crops, int(run.state.step), hosts)
        visualizer = Visualizer(plan) if jax.process_index() == 0 else None
        yield Loop(
            plan=plan,
            train_step=make_train_step(
                plan.model,
                plan.loss,
                plan.optimizer,
                seed=training.seed,
                ema_decay=training.ema_decay,
                accumulate_steps=training.accumulate_steps,
            ),
            eval_step=make_eval_step(plan.model, plan.loss, plan.mesh),
            batches=stack.enter_context(contextlib.closing(batches)),
            checkpoints=checkpoints,
            progress=progress,
            interrupt=stack.enter_context(Interrupt(progress.line)),
            visualizer=visualizer and stack.enter_context(contextlib.closing(visualizer)),
        )


def run_epochs(loop: Loop, run: RunState) -> str:
    """Trains epoch after epoch until there is a reason to stop, and returns it.

    Raises:
        Interrupted: the run was asked to stop; what is done is saved.
    """
    while True:
        give_back_memory()  # Compiling leaves pieces that add to what the step needs.
        speed = train_epoch(loop, run)
        give_back_memory()
        reason = end_epoch(loop, run, speed)
        if reason is not None:
            return reason
        if loop.interrupt.wanted:
            raise Interrupted(f"Stopped after epoch {len(run.history)}; the same command goes on from there.")


def train_epoch(loop: Loop, run: RunState) -> dict:
    """Takes the steps of one epoch, or those that an interruption left of it; returns its speed."""
    plan, batch_size = loop.plan, loop.plan.config.training.batch_size
    epoch_start = run.history[-1]["step"] if run.history else 0
    first = int(run.state.step)
    # At least one step, also where the epoch that was interrupted has since become shorter than what is done of it.
    end = max(epoch_start + plan.steps_per_epoch, first + 1)
    monitor = LossMonitor(run.losses, plan.crops.tracks, loop.checkpoints.latest)
    started = time.monotonic()
    for step in range(first, end):
        batch = next_batch(loop, run, monitor)
        drawn = batch.pop("tracks")
        run.state, metrics = loop.train_step(run.state, shard_batch(batch, plan.mesh))
        monitor.add(step + 1, metrics, drawn)
        loop.progress.step(run, step + 1, end)
        if loop.interrupt.wanted and step + 1 < end:
            monitor.drain()
            loop.save(run)
            raise Interrupted(f"Stopped at step {step + 1}, which is saved; the same command goes on from there.")
    monitor.drain()
    return speed_since(started, (end - first) * batch_size)


def next_batch(loop: Loop, run: RunState, monitor: LossMonitor) -> Batch:
    """Reads the next batch; where a file turns out to be damaged, what is done so far is saved.

    Raises:
        TrainingError: a file cannot be decoded; the sentence names it and the way on.
    """
    try:
        return next(loop.batches)
    except InputError as error:
        monitor.drain()
        loop.save(run)
        raise TrainingError(
            f"{error}; the run is saved at step {int(run.state.step)}. Repair the file, or leave its track out "
            "(dataset.exclude), and the same command goes on from there"
        ) from None


def end_epoch(loop: Loop, run: RunState, speed: dict) -> str | None:
    """Validates, adapts the rate, saves, shows; returns why the run ends here, if it does."""
    plan, training, step = loop.plan, loop.plan.config.training, int(run.state.step)
    scores = validate(loop.eval_step, run.state.averaged, plan.segments, plan.mesh)
    if not math.isfinite(scores["valid_loss"]):
        latest = loop.checkpoints.latest
        message = f"the validation loss after step {step} is {scores['valid_loss']}; {remedy(latest)}"
        raise DivergedError(message, step=step, checkpoint=latest)
    run.history.append(
        {
            "epoch": len(run.history) + 1,
            "step": step,
            "train_loss": math.fsum(run.losses) / len(run.losses),
            **scores,
            "lr": float(plan.learning_rate(step - 1) * run.state.lr_scale),
            **speed,
        }
    )
    run.losses = []
    scale, _ = plateau(run.valid_losses, training)
    run.state = run.state.replace(lr_scale=jax.device_put(np.float32(scale), replicated(plan.mesh)))
    reason = reason_to_stop(run.valid_losses, training)
    loop.save(run)
    if loop.visualizer is not None:
        loop.visualizer.show(run, is_last=reason is not None)
    loop.progress.epoch(run)
    return reason
