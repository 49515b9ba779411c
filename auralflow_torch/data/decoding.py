"""Decoders of audio files for the datasets."""

import re
from pathlib import Path

import numpy as np

from auralflow_core import audio
from auralflow_core.data.crops import Decode
from auralflow_core.errors import InputError, closest
from auralflow_torch.optional import companion

BACKENDS = ("soundfile", "torchaudio")


def decoder(backend: str) -> Decode:
    """Returns the function that reads a crop of a file at the file's rate.

    Args:
        backend: one of `BACKENDS`.

    Raises:
        InputError: an unknown backend.
        MissingPackage: torchaudio, or torchcodec, by which torchaudio decodes from 2.9 on, cannot be imported.
    """
    if backend not in BACKENDS:
        raise InputError(f"unknown backend {backend!r}; {closest(str(backend), BACKENDS)}")
    if backend == "soundfile":
        return audio.read
    needing = "backend 'torchaudio'"
    torchaudio = companion("torchaudio", needing, "torchcodec")
    if tuple(map(int, re.findall(r"\d+", torchaudio.__version__)[:2])) >= (2, 9):
        companion("torchcodec", needing, "torchaudio")
    return read_torchaudio


def read_torchaudio(path: str | Path, start: int, samples: int) -> tuple[np.ndarray, int]:
    """Reads a crop by `torchaudio.load`: float32 (channels, samples), and the rate; see `auralflow_core.audio.read`.

    Raises:
        InputError: the file cannot be decoded there.
    """
    import torchaudio

    try:
        crop, rate = torchaudio.load(str(path), frame_offset=start, num_frames=samples)
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        raise InputError(
            f"{path}: samples {start} to {start + samples} cannot be decoded by torchaudio: "
            f"{str(error).splitlines()[0]}"
        ) from None
    if crop.shape[1] != samples:
        raise InputError(f"{path}: torchaudio decodes {crop.shape[1]} of the samples {start} to {start + samples}")
    return crop.numpy(), rate
