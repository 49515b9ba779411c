"""Time and memory of networks of published sizes, beside pymss-core, which has the same networks in PyTorch.

    python benchmarks/imported_networks.py [--model bs kim scnet scnet-xl mdx23c] [--seconds S] [--rounds N]

A stereo song of noise and random weights. `auralflow separate` with both frameworks and a script that runs pymss-core's
network (pip install --no-deps pymss-core) over the same segments take turns, each in a process of its own, from files
to files. The figures are the system's account of these processes, imports included: CPU seconds per second of audio, as
the median of the rounds, and the largest peak of memory; ratios are to pymss-core of the same run. Before the first
round JAX compiles, which it keeps on disk.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import soundfile
from processes import measure

from auralflow.pretrained.scnet import SCNET_XL_IHF
from auralflow_core.config import (
    TFCTDF,
    BandSplitRoformer,
    BSRoformer,
    Config,
    DatasetConfig,
    MelBandRoformer,
    ModelConfig,
    SCNet,
)
from auralflow_core.separation.options import OVERLAP, cross_fade

RATE = 44100


class Size(NamedTuple):
    """A published size of a network.

    Attributes:
        name: for the table.
        model: the network.
        segment: in samples.
    """

    name: str
    model: ModelConfig
    segment: int


MODELS = {
    "bs": Size("BS-RoFormer, 256 x 12", BSRoformer(num_channels=2), 352_800),
    "kim": Size("Mel-Band RoFormer, 384 x 6 (Kim's size)", MelBandRoformer(num_channels=2), 352_800),
    "scnet": Size("SCNet, small", SCNet(), 485_100),
    "scnet-xl": Size("SCNet, XL IHF", SCNET_XL_IHF.config.model, 485_100),
    "mdx23c": Size("MDX23C", TFCTDF(), 261_120),
}
ARMS = ("pymss-core", "torch", "jax")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the song (default: %(default)g)")
    parser.add_argument("--rounds", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--keep", metavar="DIR", help="folder for the models, which are made again if it lacks them")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        separate_with_pymss(*arguments.child)
        return
    if arguments.make:
        make(Path(arguments.make[1]), MODELS[arguments.make[0]])
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(arguments.keep or made)
        song = Path(made) / "song.wav"
        write_song(song, arguments.seconds)
        print("| network | with | CPU-s/s | of pymss-core's | peak memory | of pymss-core's |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for name in arguments.model:
            # In a process of its own: on Linux, a child's peak begins at its parent's.
            subprocess.run([sys.executable, __file__, "--make", name, folder / name], check=True)
            run("jax", folder / name, song, ["--duration", "1"])
            rounds = [[run(arm, folder / name, song) for arm in ARMS] for _ in range(arguments.rounds)]
            show(MODELS[name].name, rounds, arguments.seconds)


def show(name: str, rounds: list[list[tuple[float, float]]], seconds: float) -> None:
    """Prints a line for each arm, of CPU seconds and bytes by round and arm."""
    times = [statistics.median(figures[0] for figures in arm) / seconds for arm in zip(*rounds, strict=True)]
    peaks = [max(figures[1] for figures in arm) for arm in zip(*rounds, strict=True)]
    for arm, time, peak in zip(ARMS, times, peaks, strict=True):
        ratios = time / times[0], peak / peaks[0]
        print(f"| {name} | {arm} | {time:.2f} | {ratios[0]:.2f} | {peak / 1e9:.2f} GB | {ratios[1]:.2f} |", flush=True)


def write_song(path: Path, seconds: float) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((round(seconds * RATE), 2), np.float32)
    soundfile.write(path, noise, RATE)


def make(folder: Path, size: Size) -> None:
    """A model folder with random weights, and the same weights as a checkpoint, unless they are there."""
    if (folder / "theirs.ckpt").exists():
        return
    from auralflow_torch.models import create_model
    from auralflow_torch.weights import state_arrays
    from bridge.importers.msst import write_pair

    ours = create_model(Config(model=size.model, dataset=DatasetConfig(sample_length=size.segment / RATE)))
    ours.save(folder / "ours")
    write_pair(folder / "theirs.ckpt", state_arrays(ours.network), ours.config, str(folder))


def run(arm: str, folder: Path, song: Path, options: Sequence[str] = ()) -> tuple[float, float]:
    """CPU seconds and peak memory in bytes of a process that separates a song."""
    out = song.parent / "stems"
    command = ["-m", "auralflow", "separate", folder / "ours", song, "--save", out, "--overwrite"]
    command += ["--backend", arm, *options]
    if arm == ARMS[0]:
        command = [__file__, "--child", folder.name, folder / "theirs.ckpt", song]
    used = measure(command, arm)
    print(f"{arm}: {used.cpu:.1f} CPU-s, {used.peak / 1e9:.2f} GB", file=sys.stderr)
    return used.cpu, used.peak


def separate_with_pymss(name: str, checkpoint: str, song: str) -> None:
    """Runs pymss-core's network over the segments that auralflow has, and writes their middles one after the other."""
    import torch

    segment, model = MODELS[name].segment, MODELS[name].model
    network = build_theirs(model, Path(checkpoint).with_suffix(".yaml"))
    # Its checkpoint's arrays become the weights, without a second copy.
    network.load_state_dict(torch.load(checkpoint, weights_only=True), assign=True)
    audio = torch.from_numpy(soundfile.read(song, dtype="float32", always_2d=True)[0].T.copy())
    overlap = cross_fade(Config(model=model), OVERLAP, segment)
    stride = segment - overlap
    padded = torch.nn.functional.pad(audio, (0, segment))
    starts = range(0, max(1, audio.shape[-1] - overlap), stride)
    network.eval()
    with torch.inference_mode():
        stems = [network(padded[None, :, start : start + segment]).flatten(0, -2)[:, :stride] for start in starts]
    soundfile.write(Path(song).with_name("theirs.wav"), torch.cat(stems, dim=-1).T.numpy(), RATE)


def build_theirs(model: ModelConfig, settings: Path):
    """pymss-core's network, of the settings that lie beside its checkpoint."""
    import torch
    from pymss_core.modules import bs_roformer  # pyright: ignore[reportMissingImports]
    from pymss_core.modules.mdx23c_tfc_tdf_v3 import TFC_TDF_net  # pyright: ignore[reportMissingImports]
    from pymss_core.modules.scnet.scnet import SCNet as TheirSCNet  # pyright: ignore[reportMissingImports]

    from bridge.importers.yaml_file import read_yaml

    groups = read_yaml(settings)
    if isinstance(model, TFCTDF):
        return TFC_TDF_net(SimpleNamespace(**{key: SimpleNamespace(**group) for key, group in groups.items()}))
    arguments = groups["model"]
    with torch.device("meta"):
        if isinstance(model, SCNet):
            return TheirSCNet(**arguments)
        assert isinstance(model, BandSplitRoformer)
        if isinstance(model, MelBandRoformer):
            return bs_roformer.MelBandRoformer(**arguments, mlp_hidden_layers=model.mask_layers)
        return bs_roformer.BSRoformer(**arguments)


if __name__ == "__main__":
    main()
