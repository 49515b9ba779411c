"""The pretrained models, and ensembles of them: how good, how fast, how large; the rows of the README's table.

    python benchmarks/pretrained.py [--models NAME ...] [--stem NAME] [--seconds S] [--backend jax|torch]

One stem is scored on the beginning of a validation track of the dataset that AURALFLOW_TEST_MUSIC names (`--track`);
without it noise is separated, and only the speed is measured. A model that cannot be fetched, or lacks the stem, is
left out, with the reason on standard error.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from arguments import duration

from auralflow.backends import BACKENDS, load_separator
from auralflow.pretrained import PRETRAINED
from auralflow_core.audio import read
from auralflow_core.errors import InputError
from auralflow_core.evaluation.metrics import si_sdr
from auralflow_core.model_folder import find_model
from auralflow_core.separation.separator import separate

RATE = 44100  # Hz


def main() -> None:
    """Prints a markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(PRETRAINED))
    parser.add_argument("--stem", default="vocals")
    parser.add_argument("--track", default="valid/Rubidium")
    parser.add_argument("--seconds", type=duration, default=60.0)
    parser.add_argument("--backend", choices=BACKENDS, default="jax")
    arguments = parser.parse_args()
    mixture, stem = song(arguments.track, arguments.stem, round(arguments.seconds * RATE))
    print(
        f"| model | targets | {arguments.stem}, SI-SDR | x real time | size | licence |\n|---|---|---:|---:|---:|---|"
    )
    if stem is not None:
        print(f"| the mixture itself | | {si_sdr(mixture, stem):.2f} dB | | | |")
    left_out = []
    for name in arguments.models:
        try:
            folder = find_model(name)
        except InputError as error:
            left_out.append(f"{name}: {error}")
            continue
        separator = load_separator(folder, arguments.backend)
        if arguments.stem not in separator.targets:
            left_out.append(f"{name}: separates no {arguments.stem}")
            continue
        separate(separator, mixture[:, :1], RATE)  # compiles
        started = time.perf_counter()
        stems = separate(separator, mixture, RATE)
        speed = arguments.seconds / (time.perf_counter() - started)
        score = "" if stem is None else f"{si_sdr(stems[separator.targets.index(arguments.stem)], stem):.2f} dB"
        published = PRETRAINED.get(name)  # None of ensembles
        of_file = f"{published.megabytes:.0f} MB | {published.licence}" if published else " | "
        print(f"| `{name}` | {', '.join(separator.targets)} | {score} | {speed:.1f} | {of_file} |")
    print(*left_out, sep="\n", file=sys.stderr)


def song(track: str, stem: str, samples: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The beginning of a track and of a stem, (channels, samples); noise and None without a dataset."""
    if "AURALFLOW_TEST_MUSIC" not in os.environ:
        return np.random.default_rng(0).uniform(-0.1, 0.1, (2, samples)).astype(np.float32), None
    folder = Path(os.environ["AURALFLOW_TEST_MUSIC"]) / track
    mixture, found = (read(next(folder.glob(f"{name}.*")), 0, samples)[0] for name in ("mixture", stem))
    return mixture, found


if __name__ == "__main__":
    main()
