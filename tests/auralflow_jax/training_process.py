"""Trains in a separate process, which can be made to die: `training_process.py MODEL DATASET [MOMENT]`."""

import json
import os
import signal
import sys
from pathlib import Path

from auralflow_jax.train import sharding as hosts


def main(model: str, dataset: str, moment: str | None = None) -> None:
    hosts.initialize()  # before anything asks jax for a device
    import jax

    from auralflow_jax.train.run import train

    if moment and moment.startswith("step "):
        before_step(int(moment.removeprefix("step ")))
    elif moment:
        before_event(*moment.split(maxsplit=1))
    history = train(model, dataset)
    print(json.dumps({"history": history, "devices": jax.device_count(), "processes": jax.process_count()}))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_step(last: int) -> None:
    """Dies while step `last`, counted from 1, is on its way."""
    from auralflow_jax.train import run as module

    show = module.Progress.step
    module.Progress.step = lambda self, run, step, end: die() if step == last else show(self, run, step, end)


def before_event(event: str, ending: str) -> None:
    """Dies before the first `event` of Python's runtime (os.rename, os.mkdir, open) that names a path so ending."""

    def watch(name, arguments):
        if name == event and any(
            isinstance(value, (str, bytes)) and os.fsdecode(value).endswith(ending) for value in arguments
        ):
            die()

    sys.addaudithook(watch)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(*sys.argv[1:])
