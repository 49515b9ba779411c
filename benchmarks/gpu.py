"""Speed on a GPU, in one command of eight minutes: training and separation, in both frameworks and precisions.

    python benchmarks/gpu.py [--model NAME ...] [--precision float32 bfloat16] [--minutes M]

1. Separation and the training step of one network of every kind, at full size, in JAX, and in torch eager and compiled,
   in turns; in bfloat16 torch runs under autocast. A call's FLOP are the network's products and convolutions, and the
   matrix rate is that of the faster framework's product of two large matrices. Separation goes from the host's memory
   to the host's; its speed is that of a stereo song, without the overlap of segments. Memory is each framework's own
   account of the GPU's.
2. `auralflow separate` of a BS-RoFormer of 50 million parameters, from a flac file to wav files: whole processes,
   whose programs are compiled and kept on disk.
3. Crops per second that the input pipeline reads from flac files, by threads and by a process for each core. Training
   keeps the GPU busy where they exceed the crops per second of the training step.

Programs are first compiled side by side, in half of the time; where it ends, what is left is said. Without a GPU the
networks are the presets `tiny`, and all is short: a trial of this script.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from arguments import duration

from auralflow_core.config import MODELS

TASKS = str(Path(__file__).with_name("gpu_tasks.py"))
# One of every kind, those that matter most first.
NETWORKS = (
    "BSRoformer",
    "SpectrogramNetLSTM",
    "HTDemucs",
    "SCNet",
    "TFCTDF",
    "AudioNetSimple",
    "HybridNet",
    "OpenUnmix",
    "SpleeterNet",
)
# The model of `auralflow separate`, and its options.
DISK = (
    ("float32", ["--backend", "jax"]),
    ("bfloat16", ["--backend", "jax"]),
    ("bfloat16", ["--backend", "jax", "--batch_size", "4"]),
    ("float32", ["--backend", "torch"]),
)
WORKERS = (os.cpu_count() or 1) // 4  # processes that compile at a time
FOR_FILES = 90.0  # seconds that are kept for the last two parts


class Run(NamedTuple):
    """Where and how long the tasks run.

    Attributes:
        folder: for songs, models and compiled programs.
        environment: of the processes.
        preset: of the networks; empty: their full size.
        deadline: of all, in seconds of `time.monotonic`.
    """

    folder: Path
    environment: dict[str, str]
    preset: str
    deadline: float

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def start(self, command: Sequence[str | Path], limit: float) -> list[dict[str, Any]] | None:
        """The lines that a process prints; None where it fails or takes more seconds than the limit."""
        words = [sys.executable, *map(str, command)]
        try:
            done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=max(limit, 0.1))
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            print(f"{' '.join(words[1:])}: {reason}", file=sys.stderr, flush=True)
            return None
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", nargs="+", choices=list(MODELS), metavar="NAME", default=list(NETWORKS))
    parser.add_argument("--precision", nargs="+", choices=("float32", "bfloat16"), default=["float32", "bfloat16"])
    parser.add_argument("--minutes", type=duration, default=8.0, help="for all (default: %(default)g)")
    arguments = parser.parse_args()
    deadline = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as folder:
        caches = {
            "JAX_COMPILATION_CACHE_DIR": f"{folder}/jax",
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
            "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor",
            "XDG_CACHE_HOME": f"{folder}/cache",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }
        run = Run(Path(folder), os.environ | caches, "", deadline)
        (machine,) = run.start([TASKS, "device"], 60 * arguments.minutes) or [{"on": "cpu", "jax": "?", "torch": "?"}]
        print(f"{machine['jax']}, torch {machine['torch']}; {os.cpu_count()} cores\n")
        run = run._replace(preset="" if machine["on"] == "cuda" else "tiny")
        cases = [(name, precision) for name in arguments.model for precision in arguments.precision]
        run.start([TASKS, "files", folder, str(10 if run.preset else 240), run.preset], run.left())
        prepare(run, cases)
        measure_networks(run, cases)
        measure_disk(run)
        measure_crops(run)


def prepare(run: Run, cases: Sequence[tuple[str, str]]) -> None:
    """Compiles what will be measured, several processes at a time, where there are the cores for it."""
    commands = [separation(run, *case) for case in DISK]
    commands += [network(run, *case, rounds=0) for case in cases]
    until = time.monotonic() + run.left() / 2
    if WORKERS:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda command: run.start(command, until - time.monotonic()), commands))


def measure_networks(run: Run, cases: Sequence[tuple[str, str]]) -> None:
    """Prints a line for each network, precision and side."""
    print("| network | precision | what | with | ms | a second | TFLOP/s | of the matrix rate | GPU memory |")
    print("| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    missing = []
    for name, precision in cases:
        lines = run.start(network(run, name, precision, rounds=1 if run.preset else 5), run.left() - FOR_FILES)
        missing += [f"{name} in {precision}"] * (not lines)
        for line in lines or ():
            unit = "crops" if line["what"] == "training" else "s of audio"
            memory = f"{line['memory'] / 1e9:.2f} GB" if line["memory"] else ""
            print(
                f"| {name} | {precision} | {line['what']} | {line['side']} | {1e3 * line['seconds']:.1f} | "
                f"{line['amount']:.1f} {unit} | {line['flops'] / 1e12:.3g} | {line['share']:.1%} | {memory} |",
                flush=True,
            )
    if missing:
        print(f"\nNot measured, as it failed or the time was over: {', '.join(missing)}.")


def measure_disk(run: Run) -> None:
    """Prints a line for each way to separate a file."""
    import soundfile

    seconds = soundfile.info(run.folder / "song.flac").duration
    print("\n| `auralflow separate`, from disk to disk | s | x real time |\n| --- | ---: | ---: |")
    for precision, options in DISK:
        command = separation(run, precision, options)
        if not WORKERS:
            run.start(command, run.left())  # which nothing has compiled yet
        began = time.monotonic()
        if run.start(command, run.left()) is not None:
            spent = time.monotonic() - began
            print(f"| {precision}, {' '.join(options)} | {spent:.1f} | {seconds / spent:.1f} |", flush=True)
        else:
            print(f"\nNot measured, as it failed or the time was over: {precision}, {' '.join(options)}.")


def measure_crops(run: Run) -> None:
    """Prints a line for each way to read crops."""
    print("\n| crops from flac files | length, s | crops a second |\n| --- | ---: | ---: |")
    for workers in (0, os.cpu_count() or 1):
        kind = f"{workers} processes" if workers else "threads"
        # A limit of its own, so that the time that is over does not end it.
        lines = run.start([TASKS, "crops", "1" if run.preset else "5", str(workers)], max(120, run.left()))
        if not lines:
            print(f"\nNot measured, as it failed or the time was over: crops by {kind}.")
        for line in lines or ():
            print(f"| {kind} | {line['seconds']:g} | {line['rate']:.1f} |", flush=True)


def network(run: Run, name: str, precision: str, rounds: int) -> list[str]:
    """The command that measures a network."""
    return [TASKS, "network", name, precision, run.preset, str(rounds)]


def separation(run: Run, precision: str, options: Sequence[str]) -> list[str | Path]:
    """The command that separates the song."""
    save = run.folder / f"{precision} {' '.join(options)}"  # so that several may run at a time
    command = ["-m", "auralflow", "separate", run.folder / precision, run.folder / "song.flac"]
    return [*command, "--save", save, "--overwrite", *options]


if __name__ == "__main__":
    main()
