"""Speed and memory of separation with every network at its template's size, in both frameworks.

    python benchmarks/separate.py [--model NAME ...] [--backend jax torch] [--seconds S] [--rounds N]

A stereo song of noise at 44.1 kHz, random weights, separated as `auralflow separate` does it. Each line comes from a
separate process: the median of its calls after the first, which compiles, and the peak of the whole process. The
last lines are Open-Unmix's `umxhq` from the package openunmix, where that is installed, with random weights as well:
its network for one target, as the templates have one, and for all four with the Wiener filter that is its default.
"""

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from auralflow.backends import BACKENDS
from auralflow_core.config import MODELS, template
from auralflow_core.separation.separator import separate

RATE = 44100
OWN = [name for name in MODELS if not name.startswith(("Spleeter", "OpenUnmix"))]
UMX = {"umxhq, one target": (["vocals"], 0), "umxhq, four targets": (None, 1)}  # targets, iterations of the filter
Call = Callable[[np.ndarray], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model",
        nargs="+",
        choices=list(MODELS),
        metavar="NAME",
        default=OWN,
        help=f"of {', '.join(MODELS)}; default: the first seven",
    )
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the song (default: %(default)g)")
    parser.add_argument("--rounds", type=int, default=3, help="calls after the first (default: %(default)s)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, backend = arguments.child
        print(json.dumps(measure(name, backend, arguments.seconds, arguments.rounds)))
        return
    lines = [(name, backend) for name in arguments.model for backend in arguments.backend]
    if importlib.util.find_spec("openunmix"):
        lines += [(name, "torch") for name in UMX]
    print("| network | in | x real time | first call, s | peak memory, MiB |\n| --- | --- | ---: | ---: | ---: |")
    for name, backend in lines:
        settings = ["--seconds", str(arguments.seconds), "--rounds", str(arguments.rounds), "--child", name, backend]
        output = subprocess.run([sys.executable, __file__, *settings], stdout=subprocess.PIPE, check=True).stdout
        figures = json.loads(output.splitlines()[-1])
        print(
            f"| {name} | {backend} | {arguments.seconds / figures['seconds']:.1f} | {figures['first']:.1f} | "
            f"{figures['memory']:.0f} |",
            flush=True,
        )


def measure(name: str, backend: str, seconds: float, rounds: int) -> dict[str, float]:
    """Seconds of the first call and of the others' median, and the peak memory of this process in MiB."""
    call = open_unmix(name) if name in UMX else {"jax": jax_model, "torch": torch_model}[backend](name)
    song = 0.1 * np.random.default_rng(0).standard_normal((2, round(seconds * RATE)), np.float32)
    times = []
    for _ in range(1 + rounds):
        start = time.perf_counter()
        call(song)
        times.append(time.perf_counter() - start)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "first": times[0],
        "seconds": statistics.median(times[1:]),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
    }


def jax_model(name: str) -> Call:
    from auralflow_jax.models import create_model
    from auralflow_jax.separation import Separator

    return partial(separate, Separator(create_model(template(name))), sample_rate=RATE)


def torch_model(name: str) -> Call:
    from auralflow_torch.models import create_model
    from auralflow_torch.separation import Separator

    return partial(separate, Separator(create_model(template(name)).eval()), sample_rate=RATE)


def open_unmix(name: str) -> Call:
    import openunmix  # pyright: ignore[reportMissingImports]  # installed only to compare with it
    import torch

    targets, iterations = UMX[name]
    separator = openunmix.umxhq(targets=targets, niter=iterations, pretrained=False).eval()

    def call(song: np.ndarray) -> torch.Tensor:
        with torch.inference_mode():
            return separator(torch.from_numpy(song)[None])

    return call


if __name__ == "__main__":
    main()
