"""Speed and memory of separation with every network at its template's size, in both frameworks.

    python benchmarks/separate.py [--model NAME ...] [--backend jax torch] [--batch_size N ...] [--cores N ...]

A stereo song of noise at 44.1 kHz, random weights, separated in memory as `auralflow separate` does it; --seconds and
--rounds change the song's length and the number of calls. Each line comes from a separate process: medians of its calls
after the first, which compiles, and the peak of the whole process. --batch_size measures other numbers of segments in a
call than the default, --cores fewer cores (on Linux), for which both frameworks start as many threads.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from arguments import duration, whole_number
from processes import measure

from auralflow.backends import BACKENDS
from auralflow_core.config import MODELS, Config, template
from auralflow_core.separation.separator import separate

if TYPE_CHECKING:
    from auralflow_core.separation.separator import Separator

RATE = 44100


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", nargs="+", choices=list(MODELS), metavar="NAME", default=list(MODELS))
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument(
        "--batch_size", nargs="+", type=int, default=[0], help="0, the default: as `auralflow separate` chooses it"
    )
    parser.add_argument("--cores", nargs="+", type=int, default=[0], help="0, the default: all")
    parser.add_argument("--seconds", type=duration, default=30.0, help="length of the song (default: %(default)g)")
    parser.add_argument("--rounds", type=whole_number, default=3, help="calls after the first (default: %(default)s)")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    length = ["--seconds", str(arguments.seconds), "--rounds", str(arguments.rounds)]
    if arguments.child:
        name, backend, batch_size, cores = arguments.child
        run(name, backend, int(batch_size), int(cores), arguments.seconds, arguments.rounds)
        return
    print("| network | in | batch size | cores | x real time | CPU-s for 1 s | first call, s | peak memory, MiB |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    lines = itertools.product(arguments.model, arguments.backend, arguments.cores, arguments.batch_size)
    for name, backend, cores, batch_size in lines:
        used = measure([__file__, *length, "--child", name, backend, str(batch_size), str(cores)], name)
        first, wall, cpu = map(float, used.printed.splitlines()[-1].split())
        print(
            f"| {name} | {backend} | {batch_size or 'default'} | {cores or 'all'} | "
            f"{arguments.seconds / wall:.1f} | {cpu / arguments.seconds:.3f} | {first:.1f} | {used.peak / 2**20:.0f} |",
            flush=True,
        )


def run(name: str, backend: str, batch_size: int, cores: int, seconds: float, rounds: int) -> None:
    """Prints the seconds of the first call, and the medians of the others' seconds and CPU seconds."""
    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    separator = MAKERS[backend](template(name))
    song = 0.1 * np.random.default_rng(0).standard_normal((2, round(seconds * RATE)), np.float32)
    times = [timed(lambda: separate(separator, song, RATE, batch_size=batch_size or None)) for _ in range(1 + rounds)]
    print(times[0][0], *map(statistics.median, zip(*times[1:], strict=True)))


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """The seconds of a call, by the clock and of all threads' CPU time."""
    start = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def jax_model(config: Config) -> "Separator":
    from auralflow_jax.models import create_model
    from auralflow_jax.separation import Separator

    return Separator(create_model(config))


def torch_model(config: Config) -> "Separator":
    import torch

    from auralflow_torch.models import create_model
    from auralflow_torch.separation import Separator

    return Separator(create_model(config).to("cuda" if torch.cuda.is_available() else "cpu").eval())


MAKERS = {"jax": jax_model, "torch": torch_model}


if __name__ == "__main__":
    main()
