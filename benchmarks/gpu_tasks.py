"""The tasks of benchmarks/gpu.py, each for a process of its own; each prints lines of JSON.

python benchmarks/gpu_tasks.py device
python benchmarks/gpu_tasks.py network NAME PRECISION PRESET ROUNDS
python benchmarks/gpu_tasks.py files FOLDER SECONDS PRESET
python benchmarks/gpu_tasks.py crops SECONDS WORKERS
"""

import contextlib
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import soundfile
import torch
from noise import make_batch
from separate import RATE, jax_model, torch_model
from torch.utils.flop_counter import FlopCounterMode
from train_step import DEVICE, SIDES, WHOLE, Program, matrix_rate, step_flop, time_in_turns, wait

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.data.training import training_tracks
from auralflow_jax.data.batches import training_batches
from auralflow_jax.data.crops import TrainingCrops
from auralflow_torch.networks import build_network
from bridge.parity.twins import network_shapes


def device() -> None:
    """What computes."""
    kind = torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU"
    show(
        on=DEVICE,
        jax=f"jax {jax.__version__} on {jax.devices()[0].device_kind}",
        torch=f"{torch.__version__} on {kind}",
    )


def network(name: str, precision: str, preset: str, rounds: str) -> None:
    """Separation and the training step of a network, on all sides in turns; with 0 rounds they are compiled only."""
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    config = configuration.override(settings(name, preset), {"precision": precision})
    batch, seconds = make_batch(config), config.training.batch_size * config.crop_samples / RATE
    rate = matrix_rate(precision)
    separation = separators(config, batch["mixture"])
    measure(
        "separation", separation, int(rounds), forward_flop(config), rate, seconds / (3 - config.model.num_channels)
    )
    del separation
    training = {side: (lambda make=make: make(config, batch)[WHOLE]) for side, make in SIDES.items()}
    measure("training", training, int(rounds), step_flop(config), rate, config.training.batch_size)


def settings(name: str, preset: str) -> Config:
    """The template of a network, or a preset of it."""
    from auralflow_core.config.templates import read_template

    return read_template(name, preset or None)


def measure(
    what: str, makers: dict[str, Callable[[], Program]], rounds: int, flop: int, rate: float, amount: float
) -> None:
    """Times programs in turns and shows, for each, what it does.

    Args:
        what: they do.
        makers: of each side's program.
        rounds: of timings; with 0 each program is called once.
        flop: of a call.
        rate: FLOP per second of large matrix products.
        amount: of what is done in a call: crops, or seconds of audio.
    """
    programs, memory = {}, {}
    for side, make in makers.items():
        others = held_by_torch()
        programs[side] = make()
        wait(programs[side]())
        memory[side] = peak(side) - (others if side != "jax" else 0)
    if not rounds:
        return
    for side, timing in time_in_turns(programs, rounds, 3 if DEVICE == "cuda" else 1).items():
        speed = flop / timing.wall
        show(
            what=what, side=side, seconds=timing.wall, amount=amount / timing.wall, flops=speed, share=speed / rate,
            memory=memory[side],
        )  # fmt: skip


def held_by_torch() -> int:
    """The bytes of the GPU that torch holds, from which its next peak begins."""
    if DEVICE != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def peak(side: str) -> int:
    """The most bytes of the GPU that a framework has held; 0 on the CPU, where both share the process's memory."""
    if DEVICE != "cuda":
        return 0
    if side != "jax":
        return torch.cuda.max_memory_allocated()
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)


def separators(config: Config, mixture: np.ndarray) -> dict[str, Callable[[], Program]]:
    """Makers of programs that separate segments, from and to the host's memory."""

    def in_jax() -> Program:
        separator = jax_model(config)
        return lambda: separator.estimate(mixture)

    def in_torch(compiled: bool) -> Program:
        separator = torch_model(config)
        if compiled:
            network = separator.model.network  # pyright: ignore[reportAttributeAccessIssue]
            network.estimate = torch.compile(network.estimate)
        rounded = config.training.precision == "bfloat16"

        def separate() -> np.ndarray:
            with torch.autocast(DEVICE, torch.bfloat16) if rounded else contextlib.nullcontext():
                return separator.estimate(mixture)

        return separate

    return {
        "jax": in_jax,
        "torch eager": lambda: in_torch(compiled=False),
        "torch compiled": lambda: in_torch(compiled=True),
    }


def forward_flop(config: Config) -> int:
    """The network's products and convolutions, forward only; counted on shapes alone."""
    shape, _, _ = network_shapes(config, config.training.batch_size)
    network = build_network(config).to("meta").eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.estimate(torch.empty(shape, device="meta"), None)
    return counter.get_total_flops()


def files(folder: str, seconds: str, preset: str) -> None:
    """A song of noise, and a BS-RoFormer in each precision, its segments of 8 seconds."""
    write_noise(Path(folder) / "song.flac", float(seconds), np.random.default_rng(0))
    for precision in ("float32", "bfloat16"):
        changes = {"precision": precision} if preset else {"precision": precision, "sample_length": "8"}
        model = configuration.override(settings("BSRoformer", preset), changes)
        torch_model(model).model.save(Path(folder) / precision)  # pyright: ignore[reportAttributeAccessIssue]


def crops(seconds: str, workers: str) -> None:
    """How many crops of full size come from flac files in a second, and nothing is done with them."""
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for track, stem in itertools.product(range(4), ("bass", "drums", "other", "vocals")):
            path = Path(folder) / ("valid" if track == 0 else "train") / f"song {track}" / f"{stem}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_noise(path, 30.0, rng)
        config = configuration.override(configuration.template("BSRoformer"), {"num_workers": workers})
        batches = training_batches(TrainingCrops(training_tracks(folder)[0], config))
        for _ in range(3):  # until what reads ahead is under way
            next(batches)
        start, count = time.monotonic(), 0
        while (spent := time.monotonic() - start) < float(seconds):
            count += len(next(batches)["mixture"])
        batches.close()
        show(rate=count / spent, seconds=config.dataset.sample_length)


def write_noise(path: Path, seconds: float, rng: np.random.Generator) -> None:
    noise = rng.uniform(-0.1, 0.1, (round(seconds * RATE), 2)).astype(np.float32)
    soundfile.write(path, noise, RATE, "PCM_16")


def show(**line: object) -> None:
    print(json.dumps(line), flush=True)


TASKS = {task.__name__: task for task in (device, network, files, crops)}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*sys.argv[2:])
