"""Time and memory of networks of published sizes, beside the original code in PyTorch: pymss-core, and demucs 4.

    python benchmarks/imported_networks.py [--model bs kim scnet scnet-xl mdx23c htdemucs] [--seconds S] [--rounds N]

A stereo song of noise and random weights. `auralflow separate` with both frameworks and `originals.py` (which needs
pip install --no-deps pymss-core demucs) take turns, each in a process of its own, from files to files. Segments
overlap as in the original: pymss-core's network runs over the segments that auralflow has, demucs' own `apply_model`
divides the song itself. The figures are the system's account of these processes, imports included: CPU seconds per
second of audio, as the median of the rounds, and the largest peak of memory; ratios are to the original of the same
run. Before the first round JAX compiles, which it keeps on disk.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from arguments import duration, whole_number
from processes import measure

from auralflow.pretrained.scnet import SCNET_XL_IHF
from auralflow_core.config import (
    TFCTDF,
    BSRoformer,
    Config,
    DatasetConfig,
    HTDemucs,
    MelBandRoformer,
    ModelConfig,
    SCNet,
)

RATE = 44100


class Size(NamedTuple):
    """A published size of a network.

    Attributes:
        name: for the table.
        model: the network.
        segment: in samples.
        original: a key of `originals.SEPARATE`.
        seconds: length of the song, unless the command names another.
    """

    name: str
    model: ModelConfig
    segment: int
    original: str = "pymss-core"
    seconds: float = 20.0


MODELS = {
    "bs": Size("BS-RoFormer, 256 x 12", BSRoformer(num_channels=2), 352_800),
    "kim": Size("Mel-Band RoFormer, 384 x 6 (Kim's size)", MelBandRoformer(num_channels=2), 352_800),
    "scnet": Size("SCNet, small", SCNet(), 485_100),
    "scnet-xl": Size("SCNet, XL IHF", SCNET_XL_IHF.config.model, 485_100),
    "mdx23c": Size("MDX23C", TFCTDF(), 261_120),
    "htdemucs": Size("HTDemucs", HTDemucs(), 343_980, "demucs", 240.0),
}
OVERLAPS = {"pymss-core": 0.1, "demucs": 0.25}  # of segments; demucs' own default


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seconds", type=duration, help="length of the song (default: 20, for htdemucs 240)")
    parser.add_argument("--rounds", type=whole_number, default=1, help="default: %(default)s")
    parser.add_argument("--keep", metavar="DIR", help="folder for the models, which are made again if it lacks them")
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make(Path(arguments.make[1]), MODELS[arguments.make[0]])
        return
    with tempfile.TemporaryDirectory() as made:
        print("| network | with | CPU-s/s | of the original's | peak memory | of the original's |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for name in arguments.model:
            size, folder = MODELS[name], Path(arguments.keep or made) / name
            song, seconds = Path(made) / "song.wav", arguments.seconds or size.seconds
            write_song(song, seconds)
            # In a process of its own: on Linux, a child's peak begins at its parent's.
            subprocess.run([sys.executable, __file__, "--make", name, folder], check=True)
            run("jax", folder, song, size, ["--duration", "1"])
            arms = (size.original, "torch", "jax")
            rounds = [[run(arm, folder, song, size) for arm in arms] for _ in range(arguments.rounds)]
            show(size.name, arms, rounds, seconds)


def show(name: str, arms: Sequence[str], rounds: list[list[tuple[float, float]]], seconds: float) -> None:
    """Prints a line for each arm, of CPU seconds and bytes by round and arm."""
    times = [statistics.median(figures[0] for figures in arm) / seconds for arm in zip(*rounds, strict=True)]
    peaks = [max(figures[1] for figures in arm) for arm in zip(*rounds, strict=True)]
    for arm, time, peak in zip(arms, times, peaks, strict=True):
        ratios = time / times[0], peak / peaks[0]
        print(f"| {name} | {arm} | {time:.2f} | {ratios[0]:.2f} | {peak / 1e9:.2f} GB | {ratios[1]:.2f} |", flush=True)


def write_song(path: Path, seconds: float) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((round(seconds * RATE), 2), np.float32)
    soundfile.write(path, noise, RATE)


def make(folder: Path, size: Size) -> None:
    """A model folder with random weights, and the same weights as a file for the original, unless they are there."""
    from originals import PACKAGE, PAIR

    from auralflow_torch.models import create_model
    from auralflow_torch.weights import state_arrays
    from bridge.importers.demucs_package import write_package
    from bridge.importers.msst import write_pair

    is_demucs = size.original == "demucs"
    theirs = folder / (PACKAGE if is_demucs else PAIR)
    if theirs.exists():
        return
    ours = create_model(Config(model=size.model, dataset=DatasetConfig(sample_length=size.segment / RATE)))
    ours.save(folder / "ours")
    write = write_package if is_demucs else write_pair
    write(theirs, state_arrays(ours.network), ours.config, str(folder))


def run(arm: str, folder: Path, song: Path, size: Size, options: Sequence[str] = ()) -> tuple[float, float]:
    """CPU seconds and peak memory in bytes of a process that separates a song."""
    overlap = str(OVERLAPS[size.original])
    command = ["-m", "auralflow", "separate", folder / "ours", song, "--save", song.parent / "stems", "--overwrite"]
    command += ["--backend", arm, "--overlap", overlap, *options]
    if arm == size.original:
        command = [Path(__file__).with_name("originals.py"), arm, folder, song, overlap]
    used = measure(command, arm)
    print(f"{arm}: {used.cpu:.1f} CPU-s, {used.peak / 1e9:.2f} GB", file=sys.stderr)
    return used.cpu, used.peak


if __name__ == "__main__":
    main()
