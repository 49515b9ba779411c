"""Separates a song with the original code of a network, for `imported_networks.py`, which runs this in a process.

    python benchmarks/originals.py pymss-core|demucs FOLDER SONG OVERLAP

FOLDER has our model in `ours`, and its weights as a file for the original beside it. OVERLAP is a share of a segment.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import soundfile
import torch

from auralflow_core.config import TFCTDF, BandSplitRoformer, Config, MelBandRoformer, SCNet
from auralflow_core.model_folder import ModelFolder
from auralflow_core.separation.options import cross_fade

PAIR, PACKAGE = "theirs.ckpt", "theirs.safetensors"  # of pymss-core and of demucs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("original", choices=list(SEPARATE))
    parser.add_argument("folder", type=Path)
    parser.add_argument("song", type=Path)
    parser.add_argument("overlap", type=float)
    arguments = parser.parse_args()
    audio, rate = soundfile.read(arguments.song, dtype="float32", always_2d=True)
    config = ModelFolder(arguments.folder / "ours").load_config()
    stems = SEPARATE[arguments.original](arguments.folder, config, torch.from_numpy(audio.T.copy()), arguments.overlap)
    for index, stem in enumerate(stems):
        soundfile.write(arguments.song.with_name(f"theirs-{index}.wav"), stem.T, rate)


def separate_with_demucs(folder: Path, config: Config, audio: torch.Tensor, overlap: float) -> np.ndarray:
    """The stems (targets, channels, samples) of `apply_model` with its own segments."""
    from demucs.apply import apply_model  # pyright: ignore[reportMissingImports]
    from demucs.hf import load_safetensors_model  # pyright: ignore[reportMissingImports]

    network = load_safetensors_model(folder / PACKAGE)
    return apply_model(network, audio[None], shifts=0, overlap=overlap)[0].numpy()


def separate_with_pymss(folder: Path, config: Config, audio: torch.Tensor, overlap: float) -> np.ndarray:
    """The stems (targets, channels, samples) of the segments that auralflow has, whose middles are joined."""
    network = build_with_pymss(config, (folder / PAIR).with_suffix(".yaml"))
    # Its checkpoint's arrays become the weights, without a second copy.
    network.load_state_dict(torch.load(folder / PAIR, weights_only=True), assign=True)
    segment, overlap_samples = config.crop_samples, cross_fade(config, overlap)
    stride = segment - overlap_samples
    padded = torch.nn.functional.pad(audio, (0, segment))
    starts = range(0, max(1, audio.shape[-1] - overlap_samples), stride)
    network.eval()
    with torch.inference_mode():
        stems = [network(padded[None, :, start : start + segment])[..., :stride] for start in starts]
    return torch.cat(stems, dim=-1).reshape(-1, *audio.shape[:1], stride * len(starts)).numpy()


def build_with_pymss(config: Config, settings: Path) -> torch.nn.Module:
    """pymss-core's network, of the settings that lie beside its checkpoint."""
    from pymss_core.modules import bs_roformer  # pyright: ignore[reportMissingImports]
    from pymss_core.modules.mdx23c_tfc_tdf_v3 import TFC_TDF_net  # pyright: ignore[reportMissingImports]
    from pymss_core.modules.scnet.scnet import SCNet as TheirSCNet  # pyright: ignore[reportMissingImports]

    from bridge.importers.yaml_file import read_yaml

    groups, model = read_yaml(settings), config.model
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


SEPARATE: dict[str, Callable[[Path, Config, torch.Tensor, float], np.ndarray]] = {
    "pymss-core": separate_with_pymss,
    "demucs": separate_with_demucs,
}

if __name__ == "__main__":
    main()
