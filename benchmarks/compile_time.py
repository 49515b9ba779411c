"""Compile time of `auralflow train`, program by program, in a first process and in a second one.

    python benchmarks/compile_time.py [--model NAME ...] [--batch N] [--set KEY=VALUE ...]

Two epochs of two steps of a network of full size, with validation, on generated songs; then the same again in a new
folder. jax says (JAX_LOG_COMPILES) how long it traces, lowers and compiles each program. Programs of the second process
come from the cache on disk, but for those that take less than 0.2 s; those of less than half a second are added up. One
that the first process compiles more than once for the same shapes has the number of times behind its name, and the
script then ends with status 1.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from arguments import add_settings, refused_by, whole_number

from auralflow.songs import make_songs
from auralflow_core import config as configuration

STAGES = ("tracing", "jaxpr to MLIR module conversion", "XLA compilation")
FINISHED = re.compile(rf"Finished ({'|'.join(STAGES)})(?: of)? (?:jit\()?([\w<>]+)\)?(?: for \w+)? in ([\d.]+) sec")
COMPILING = re.compile(r"Compiling (?:jit\()?([\w<>]+)\)? with global shapes and types (.+)")
LEAST = 0.5  # seconds; programs that take less are added up


class Log(NamedTuple):
    """The compiling that a process said it did.

    Attributes:
        seconds: of the stages, by program.
        times: how often a program was compiled for the same shapes, at most.
    """

    seconds: dict[str, list[float]]
    times: dict[str, int]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--model", nargs="+", choices=list(configuration.MODELS), metavar="NAME", default=["SpectrogramNetSimple"]
    )
    parser.add_argument("--batch", type=whole_number, default=4, help="default: %(default)s")
    add_settings(parser)
    arguments = parser.parse_args()
    settings = {"max_epochs": "2", "samples_per_epoch": str(2 * arguments.batch), "num_snippets": "0"}
    settings |= {"batch_size": str(arguments.batch)} | dict(arguments.set)
    flags = [part for key, value in settings.items() for part in (f"--{key}", value)]
    with refused_by(parser):
        for name in arguments.model:
            configuration.override(configuration.template(name), settings)
    twice = False
    print("| network | program | tracing, s | lowering | compiling | compiling in the second process |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        songs = Path(folder) / "songs"
        make_songs(songs, tracks=3, seconds=6.0)
        for name in arguments.model:
            first, second = (train(name, flags, songs, Path(folder) / f"{name}-{number}") for number in range(2))
            twice |= show(name, first, second)
    return int(twice)


def train(name: str, flags: Sequence[str], songs: Path, model: Path) -> Log:
    """The log of a run, whose cache is in the folder of the songs."""
    environment = os.environ | {"JAX_LOG_COMPILES": "1", "XDG_CACHE_HOME": str(songs.parent / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    for arguments in (["config", model, name, *flags], ["train", model, songs]):
        command = [sys.executable, "-m", "auralflow", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"auralflow {arguments[0]} ended with status {done.returncode}: {done.stderr[-2000:]}")
    return read_log(done.stderr)


def read_log(text: str) -> Log:
    """The programs that are in the lines of jax's log."""
    seconds: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(STAGES))
    for stage, program, duration in FINISHED.findall(text):
        seconds[program][STAGES.index(stage)] += float(duration)
    times: dict[str, int] = defaultdict(int)
    for (program, _), number in Counter(COMPILING.findall(text)).items():
        times[program] = max(times[program], number)
    return Log(dict(seconds), dict(times))


def show(name: str, first: Log, second: Log) -> bool:
    """Prints a line for each program, those that took longest first; returns whether one was compiled twice."""
    twice = False
    rest, whole = [0.0] * (len(STAGES) + 1), [0.0] * (len(STAGES) + 1)
    for program, spent in sorted(first.seconds.items(), key=lambda entry: -sum(entry[1])):
        row = [*spent, second.seconds.get(program, [0.0])[-1]]
        whole = [a + b for a, b in zip(whole, row, strict=True)]
        if sum(spent) < LEAST:
            rest = [a + b for a, b in zip(rest, row, strict=True)]
            continue
        times = first.times.get(program, 1)
        twice |= times > 1
        print_row(name, f"{program}, {times} times" if times > 1 else program, row)
    print_row(name, f"others, each less than {LEAST} s", rest)
    print_row(name, "together", whole)
    return twice


def print_row(name: str, program: str, row: Sequence[float]) -> None:
    print(f"| {name} | {program} | {' | '.join(f'{seconds:.1f}' for seconds in row)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
