"""Speed of an exported model beside its frameworks: `python benchmarks/exported.py [MODEL] [--rounds N]`.

One segment at a time, in turns, so that other work on the machine slows all of them down alike.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from arguments import refused_by, whole_number

from auralflow.api.export import WEIGHTS, export
from auralflow.backends import BACKENDS, load_separator
from auralflow_core.model_folder import find_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="auralflow-4stems", help="(default: %(default)s)")
    parser.add_argument("--rounds", type=whole_number, default=10, metavar="N", help="(default: %(default)s)")
    arguments = parser.parse_args()
    with refused_by(parser):
        separators = {backend: load_separator(find_model(arguments.model), backend) for backend in BACKENDS}
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        for weights in WEIGHTS:
            path, description = export(arguments.model, "onnx", Path(folder, f"{weights}.onnx"), weights=weights)
            name = f"onnxruntime, {weights}"
            separators[name], sizes[name] = load_separator(path), path.stat().st_size / 1e6
            print(name, f"{sizes[name]:.1f} MB", description.check)
    config = separators["jax"].config
    shape = (1, config.model.num_channels, config.crop_samples)
    audio = np.random.default_rng(0).normal(size=shape).astype(np.float32) / 10
    times = {name: [] for name in separators}
    for _ in range(1 + arguments.rounds):
        for name, separator in separators.items():
            start = time.perf_counter()
            separator.estimate(audio)
            times[name].append(time.perf_counter() - start)
    print(f"{arguments.model}, a segment of {shape[-1] / config.model.sample_rate:.2f} s, {arguments.rounds} rounds:")
    for name, seconds in times.items():
        print(f"  {name}: median {np.median(seconds[1:]):.3f} s, least {np.min(seconds[1:]):.3f} s")


if __name__ == "__main__":
    main()
