"""Scaling of the training step over devices and processes: losses, and what is communicated.

    python benchmarks/scaling.py [--model NAME ...] [--scaling strong weak] [--devices N ...] [--processes N ...]

Each line is a run of a few training steps of a network of full size on virtual devices of the CPU, or in as many
processes that join each other as `auralflow train` does. *Strong*: one batch, divided among the devices. *Weak*: each
device has that many copies of one item, so that the losses ought to be those of one device here, too. `difference` is
the largest relative difference of any step's loss from that of one device.

The bytes are read from the compiled program's text, for each device and step: what comes out of all-reduces, which a
network of p parameters needs for 4 p bytes of gradients and for the statistics of its batch norms; and everything that
is communicated in another way, of which data parallelism needs nothing. Exits with status 1 where there is such, or
where losses differ by more than 1e-4. Times are not measured: virtual devices share the processor's cores.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from arguments import add_settings, refused_by, whole_number

from auralflow_core import config as configuration
from auralflow_core.config import Config

TOLERANCE = 1e-4  # of a loss; float32 sums depend on the order of their terms


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", nargs="+", choices=list(configuration.MODELS), metavar="NAME", default=["SpectrogramNetSimple"]
    )
    parser.add_argument("--devices", nargs="+", type=whole_number, default=[1, 2, 4, 8], help="of one process")
    parser.add_argument("--processes", nargs="+", type=whole_number, default=[2, 4], help="of one device each")
    parser.add_argument(
        "--batch", type=whole_number, default=8, help="all items; of weak scaling, copies on each device: a quarter"
    )
    parser.add_argument("--scaling", nargs="+", choices=("strong", "weak"), default=["strong", "weak"])
    parser.add_argument("--steps", type=whole_number, default=3, help="default: %(default)s")
    add_settings(parser)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        take_steps(**json.loads(arguments.child))
        return 0
    layouts = [(count, 1) for count in arguments.devices] + [(1, count) for count in arguments.processes]
    for size in arguments.devices + arguments.processes:
        if "strong" in arguments.scaling and arguments.batch % size:
            parser.error(f"--batch {arguments.batch} cannot be divided among {size} devices or processes")
    changes, failed = dict(arguments.set), False
    with refused_by(parser):
        configs = {name: configuration.override(configuration.template(name), changes) for name in arguments.model}
    print("| network | scaling | devices | processes | batch | difference | all-reduced | other |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for name, settings in configs.items():
        config = configuration.to_dict(settings)
        for scaling in arguments.scaling:
            reference: list[float] = []
            for devices, processes in layouts:
                size, copies = devices * processes, scaling == "weak"
                batch = max(1, arguments.batch // 4) * size if copies else arguments.batch
                found = run(devices, processes, config=config, batch=batch, copies=copies, steps=arguments.steps)
                reference = reference or found["losses"]
                difference = max(abs(a / b - 1) for a, b in zip(found["losses"], reference, strict=True))
                reduced, other = found["bytes"].pop("all-reduce", 0), found["bytes"]
                failed |= bool(other) or difference > TOLERANCE
                rest = ", ".join(f"{kind} {count / 1e6:.2f} MB" for kind, count in other.items()) or "nothing"
                print(
                    f"| {name} | {scaling} | {devices} | {processes} | {batch} | {difference:.1e} | "
                    f"{reduced / 1e6:.2f} MB | {rest} |",
                    flush=True,
                )
    return int(failed)


def run(devices: int, processes: int, **task: Any) -> dict[str, Any]:
    """The losses and the bytes of a run, by its first process."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    if processes > 1:
        environment |= {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}", "JAX_NUM_PROCESSES": str(processes)}
    started = [start(environment | {"JAX_PROCESS_ID": str(number)}, task) for number in range(processes)]
    outputs = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit(f"a run on {devices} devices of each of {processes} processes failed")
    return json.loads(outputs[0].splitlines()[-1])


def start(environment: Mapping[str, str], task: dict[str, Any]) -> subprocess.Popen[str]:
    """One process of a run."""
    command = [sys.executable, __file__, "--child", json.dumps(task)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def take_steps(config: dict[str, Any], batch: int, copies: bool, steps: int) -> None:
    """Takes training steps on all devices; prints their losses, and the bytes that a step communicates."""
    import jax

    if "JAX_NUM_PROCESSES" in os.environ:  # before anything asks jax for a device; at the end they leave together
        number, own = (int(os.environ[f"JAX_{name}"]) for name in ("NUM_PROCESSES", "PROCESS_ID"))
        jax.distributed.initialize(num_processes=number, process_id=own)
    from collectives import communicated
    from jax.experimental import multihost_utils

    from auralflow_jax.losses import make_loss
    from auralflow_jax.models.registry import build
    from auralflow_jax.train.optimizer import make_optimizer
    from auralflow_jax.train.sharding import make_mesh, replicated, shard_batch
    from auralflow_jax.train.state import initial_state
    from auralflow_jax.train.step import make_train_step

    multihost_utils.sync_global_devices("all are here")  # they join within half a minute, or not at all
    settings = configuration.from_dict(config)
    model, training, mesh = build(settings), settings.training, make_mesh()
    optimizer = make_optimizer(training, 1000)
    train_step = make_train_step(
        model, make_loss(training, model.represent), optimizer, seed=training.seed, ema_decay=training.ema_decay
    )
    state = jax.jit(lambda: initial_state(model, optimizer, settings), out_shardings=replicated(mesh))()
    on_devices = shard_batch(own_part(settings, batch, copies, jax.process_index(), jax.process_count()), mesh)
    step = train_step.lower(state, on_devices).compile()  # pyright: ignore[reportFunctionMemberAccess]
    losses = []
    for _ in range(steps):
        state, metrics = step(state, on_devices)
        losses.append(float(metrics["loss"]))
    print(json.dumps({"losses": losses, "bytes": communicated(step.as_text())}))


def own_part(config: Config, batch: int, copies: bool, process: int, processes: int) -> dict[str, Any]:
    """The part of a batch that a process holds: of one item's copies, or of different items."""
    import numpy as np
    from noise import make_batch

    items = make_batch(configuration.override(config, {"batch_size": "1" if copies else str(batch)}))
    whole = {name: np.concatenate([array] * batch) if copies else array for name, array in items.items()}
    share = batch // processes
    return {name: array[process * share : (process + 1) * share] for name, array in whole.items()}


if __name__ == "__main__":
    sys.exit(main())
