"""Peak resident memory of `auralflow separate`, by the length of the song.

    python benchmarks/memory.py [MODEL] [--minutes M ...] [--backend jax|torch] [-- OPTION ...]

MODEL is a folder, or the name of a network, which then has the size of its preset tiny and random weights; without it,
a small SpectrogramNetSimple. Options behind `--` are handed to the command. The song is noise, stereo, 44.1 kHz, in a
flac file; the figures are the system's account of the whole process.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from arguments import duration, refused_by
from processes import measure

from auralflow_core.config import MODELS, Config, SpectrogramNetSimple
from auralflow_core.config.templates import read_template
from auralflow_core.model_folder import find_model

RATE = 44100
SMALL = Config(model=SpectrogramNetSimple(num_bins=256, hidden_channels=2, depth=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--minutes", type=duration, nargs="+", default=[1, 10, 60])
    parser.add_argument("--backend", default="jax", choices=("jax", "torch"))
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("options", nargs="*", help="of auralflow separate, behind --")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:split])
    if arguments.make:
        make(arguments.make, read_template(arguments.model, "tiny") if arguments.model else SMALL)
        return
    with tempfile.TemporaryDirectory() as folder:
        if arguments.model is None or arguments.model in MODELS:
            # In a process of its own: on Linux, a child's peak begins at its parent's.
            model = Path(folder) / "model"
            subprocess.run([sys.executable, __file__, "--make", model, *filter(None, [arguments.model])], check=True)
        else:
            with refused_by(parser):
                model = find_model(arguments.model)
        options = ["--backend", arguments.backend, *sys.argv[split + 1 :]]
        run(model, song(Path(folder) / "warm.flac", 0.1), options)  # what is compiled is kept
        print("| minutes | peak memory | against the first | x real time |\n| ---: | ---: | ---: | ---: |")
        first = None
        for minutes in arguments.minutes:
            peak, seconds = run(model, song(Path(folder) / f"{minutes:g}.flac", minutes), options)
            first = first or peak
            print(
                f"| {minutes:g} | {peak / 2**20:.0f} MiB | {peak / first:.3f} | {60 * minutes / seconds:.0f} |",
                flush=True,
            )


def make(folder: Path, config: Config) -> None:
    """A model folder with random weights."""
    from auralflow_jax.models import create_model

    create_model(config).save(folder)


def song(path: Path, minutes: float) -> Path:
    """Writes noise, second by second."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for _ in range(round(60 * minutes)):
            file.write(0.1 * rng.standard_normal((RATE, 2), dtype=np.float32))
    return path


def run(model: Path, path: Path, options: list[str]) -> tuple[int, float]:
    """Separates in a separate process; returns its peak memory in bytes and its seconds."""
    command = ["-m", "auralflow", "separate", model, path, "--save", path.parent / "out", "--overwrite"]
    used = measure([*command, "--format", "flac", "--bits", "16", *options], "auralflow separate")
    return used.peak, used.wall


if __name__ == "__main__":
    main()
