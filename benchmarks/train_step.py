"""One training step, from raw audio to new weights: JAX against the same model in torch, in one run.

    python benchmarks/train_step.py [--model NAME ...] [--precision float32 bfloat16] [--batch N] [--profile]

All sides do the same: STFT, network, L1 loss of the magnitudes, gradients, clipping, AdamW; the JAX step also
averages the weights. Torch runs channels-last, eager and compiled; in bfloat16 under autocast; products of float32
may be rounded to TF32 where JAX rounds them, too. The sides take turns, so that whatever else the machine does falls
on all; wall and CPU seconds are given as median and least. A step's TFLOP are the network's products and convolutions,
forward and backward, as torch counts them; the matrix rate is that of the faster framework's product of two large
matrices.

--profile adds where the time goes: programs that do more and more of the step, and the differences between them.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import NamedTuple

from arguments import add_settings, refused_by, whole_number

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # torch needs some of the GPU's memory, too

import jax
import jax.numpy as jnp
import numpy as np
import torch
from noise import make_batch
from torch.utils.flop_counter import FlopCounterMode

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_jax.losses import make_loss
from auralflow_jax.models.registry import build
from auralflow_jax.train.optimizer import make_optimizer
from auralflow_jax.train.sharding import make_mesh, shard_batch
from auralflow_jax.train.state import new_state
from auralflow_jax.train.step import compare, make_train_step
from auralflow_torch import losses
from auralflow_torch.models import create_model
from auralflow_torch.networks import build_network
from bridge.parity.twins import network_shapes

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
ENVIRONMENT = ("XLA_FLAGS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LD_PRELOAD", "MALLOC_CONF")  # what changes timings
WHOLE = "clipping, AdamW"  # the last part, behind which a step is complete
Program = Callable[[], object]  # returns something to wait for


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model",
        nargs="+",
        choices=list(configuration.MODELS),
        metavar="NAME",
        default=["SpectrogramNetSimple", "SpectrogramNetLSTM", "SpectrogramNetVAE"],
        help=f"of {', '.join(configuration.MODELS)}; default: the first three",
    )
    parser.add_argument("--precision", nargs="+", choices=("float32", "bfloat16"), default=["float32"])
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES))
    parser.add_argument("--batch", type=whole_number, default=4)
    parser.add_argument("--rounds", type=whole_number, default=5, help="timings of each side")
    parser.add_argument("--steps", type=whole_number, default=10 if DEVICE == "cuda" else 1, help="in one timing")
    add_settings(parser)
    parser.add_argument("--profile", action="store_true", help="where the time goes")
    parser.add_argument("--trace", metavar="FOLDER", help="also write a step of JAX for TensorBoard or Perfetto")
    arguments = parser.parse_args()
    changes = dict(arguments.set) | {"batch_size": str(arguments.batch)}
    with refused_by(parser):
        configs = [configuration.override(configuration.template(name), changes) for name in arguments.model]
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    print(f"jax {jax.__version__} on {jax.devices()[0].device_kind}, torch {torch.__version__} on {DEVICE}")
    variables = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    print(
        f"{len(os.sched_getaffinity(0))} cores, {torch.get_num_threads()} threads of torch; {variables or 'defaults'}\n"
    )
    for precision in arguments.precision:
        rate = matrix_rate(precision)
        for config in configs:
            measure(configuration.override(config, {"precision": precision}), rate, arguments)


def measure(config: Config, rate: float, arguments: argparse.Namespace) -> None:
    """Times all sides and prints their tables."""
    training, batch = config.training, make_batch(config)
    programs = {side: SIDES[side](config, batch) for side in arguments.sides}
    if not arguments.profile:
        programs = {side: {WHOLE: parts[WHOLE]} for side, parts in programs.items()}
    timings = time_in_turns(
        {(side, part): program for side, parts in programs.items() for part, program in parts.items()},
        arguments.rounds,
        arguments.steps,
    )
    flop, reference = step_flop(config), timings[arguments.sides[0], WHOLE]
    print(
        f"{type(config.model).__name__}, batch {training.batch_size}, {training.precision}: "
        f"{flop / 1e12:.3f} TFLOP a step; matrices: {rate / 1e12:.3f} TFLOP/s\n"
    )
    print(
        "| | s a step, least | CPU s, least | samples/s | TFLOP/s | of the matrix rate | its time in the first one's |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for side in arguments.sides:
        timing = timings[side, WHOLE]
        print(
            f"| {side} | {timing.wall:.4f}, {timing.least_wall:.4f} | {timing.cpu:.4f}, {timing.least_cpu:.4f} | "
            f"{training.batch_size / timing.wall:.2f} | {flop / timing.wall / 1e12:.3f} | "
            f"{flop / timing.wall / rate:.1%} | "
            f"{timing.wall / reference.wall:.2f} wall, {timing.cpu / reference.cpu:.2f} CPU |"
        )
    if arguments.profile:
        print(f"\n| ms in | {' | '.join(arguments.sides)} |\n| --- |{' ---: |' * len(arguments.sides)}")
        for index, part in enumerate(PARTS):
            before = [timings[side, PARTS[index - 1]].wall if index else 0.0 for side in arguments.sides]
            spent = [timings[side, part].wall - earlier for side, earlier in zip(arguments.sides, before, strict=True)]
            print(f"| {part} | {' | '.join(f'{1e3 * seconds:.1f}' for seconds in spent)} |")
    print(flush=True)
    if arguments.trace and "jax" in programs:
        with jax.profiler.trace(arguments.trace):
            wait(programs["jax"][WHOLE]())


def jax_programs(config: Config, batch: dict[str, np.ndarray]) -> dict[str, Program]:
    """The parts of a step, each with all before it."""
    model, mesh, training = build(config), make_mesh(), config.training
    criterion, optimizer = make_loss(training, model.represent), make_optimizer(training, 1000)
    train_step = make_train_step(model, criterion, optimizer, ema_decay=training.ema_decay)
    state = new_state(model.init(jax.random.key(0), config.crop_samples), optimizer)
    params, batch_stats = jax.tree.map(jnp.copy, (state.params, state.batch_stats))  # the step donates the state's own
    on_device = shard_batch(batch, mesh)

    def spectra(batch):
        return [model.represent(audio).spectrum for audio in (batch["mixture"][:, None], batch["targets"])]

    def loss(params, batch_stats, batch):
        estimate, after = model.apply_and_update(
            {"params": params, "batch_stats": batch_stats}, batch["mixture"], True, jax.random.key(0)
        )
        return compare(model, criterion, estimate, batch), after

    spectra, forward, backward = jax.jit(spectra), jax.jit(loss), jax.jit(jax.value_and_grad(loss, has_aux=True))

    def step():
        nonlocal state
        state, metrics = train_step(state, on_device)
        return state, metrics

    return dict(
        zip(
            PARTS,
            (
                lambda: spectra(on_device),
                lambda: forward(params, batch_stats, on_device),
                lambda: backward(params, batch_stats, on_device),
                step,
            ),
            strict=True,
        )
    )


def torch_programs(config: Config, batch: dict[str, np.ndarray], compiled: bool) -> dict[str, Program]:
    """The same in torch."""
    training = config.training
    model = create_model(config).to(DEVICE).train()
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # torch's stubs lack it
    if compiled:
        model.network.estimate = torch.compile(model.network.estimate)
    criterion = losses.Criterion(model, losses.make_loss(training, model.represent))
    optimizer = torch.optim.AdamW(model.parameters(), training.lr, weight_decay=training.weight_decay)
    mixture, targets = (torch.from_numpy(batch[name]).to(DEVICE) for name in ("mixture", "targets"))
    targets_last = targets.movedim(1, -1)

    def spectra():
        return [model.represent(audio).spectrum for audio in (mixture[:, None], targets)]

    def forward():
        with torch.autocast(DEVICE, torch.bfloat16, enabled=training.precision == "bfloat16"):
            return criterion(mixture, targets_last)

    def backward():
        optimizer.zero_grad(set_to_none=True)
        loss = forward()
        loss.backward()
        return loss

    def step():
        loss = backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.max_grad_norm)
        optimizer.step()
        return loss

    return dict(zip(PARTS, (spectra, forward, backward, step), strict=True))


PARTS = ("spectra", "network and loss", "backward", WHOLE)
SIDES: dict[str, Callable[[Config, dict[str, np.ndarray]], dict[str, Program]]] = {
    "jax": jax_programs,
    "torch eager": lambda config, batch: torch_programs(config, batch, compiled=False),
    "torch compiled": lambda config, batch: torch_programs(config, batch, compiled=True),
}


class Timing(NamedTuple):
    """Seconds of a program: wall and CPU of all threads, median and least."""

    wall: float
    least_wall: float
    cpu: float
    least_cpu: float


def time_in_turns(programs: dict, rounds: int, steps: int) -> dict:
    """The `Timing` of each program, after a first call that compiles."""
    times: dict = {name: [] for name in programs}
    for program in programs.values():
        wait(program())
    for _ in range(rounds):
        for name, program in programs.items():
            start = time.perf_counter(), cpu_seconds()
            for _ in range(steps):
                result = program()
            wait(result)
            times[name].append(((time.perf_counter() - start[0]) / steps, (cpu_seconds() - start[1]) / steps))
    return {
        name: Timing(*(float(figure(values)) for values in zip(*pairs, strict=True) for figure in (np.median, min)))
        for name, pairs in times.items()
    }


def cpu_seconds() -> float:
    """The CPU time that all threads of this process have taken."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def wait(result: object) -> None:
    """Until everything that was started is done."""
    jax.block_until_ready(result)
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def matrix_rate(precision: str) -> float:
    """FLOP per second of a product of two large square matrices, in the faster framework."""
    size = 8192 if DEVICE == "cuda" or jax.default_backend() == "gpu" else 2048
    a = jnp.ones((size, size), precision)
    b = torch.ones((size, size), dtype=getattr(torch, precision), device=DEVICE)
    product = jax.jit(lambda a: a @ a)
    timings = time_in_turns({"jax": lambda: product(a), "torch": lambda: b @ b}, rounds=5, steps=4)
    return 2 * size**3 / min(timing.wall for timing in timings.values())


def step_flop(config: Config) -> int:
    """The network's products and convolutions, forward and backward; counted on shapes alone."""
    shape, _, _ = network_shapes(config, config.training.batch_size)
    network = build_network(config).to("meta").train()
    with FlopCounterMode(display=False) as counter:
        network.estimate(torch.empty(shape, device="meta"), None)[0].sum().backward()
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
