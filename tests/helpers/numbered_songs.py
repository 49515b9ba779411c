"""Songs whose values tell track, stem and sample, for the datasets of auralflow_torch."""

import numpy as np
import soundfile

from auralflow_torch.data import AudioFolder

RATE = 8000
LENGTHS = {"a": 24000, "b": 8000, "c": 3000}
STEMS = ("bass", "drums", "vocals")


def samples_of(track, stem):
    """Numbers that tell track, stem and place apart, exact in float32: (samples, 2)."""
    place = np.arange(LENGTHS[track])[:, None] + [0, 0.5]
    return (place + 32768 * (1 + "abc".index(track)) + 131072 * STEMS.index(stem)) / 2**20


def write_songs(folder, split="train", suffix="wav", mixture=()):
    for track in LENGTHS:
        (folder / split / track).mkdir(parents=True)
        for stem in STEMS:
            soundfile.write(
                folder / split / track / f"{stem}.{suffix}",
                samples_of(track, stem),
                RATE,
                subtype="FLOAT" if suffix == "wav" else None,
            )
        if track in mixture:
            soundfile.write(folder / split / track / f"mixture.{suffix}", np.full((LENGTHS[track], 2), 0.25), RATE)
    return folder


def place_of(target):
    """Track and first sample of a crop of mono vocals."""
    value = (float(target[0, 0, 0]) - 0.25 / 2**20) * 2**20 - 131072 * STEMS.index("vocals")
    number, start = divmod(round(value), 32768)
    return "abc"[number - 1], start


def folder(songs, **settings):
    return AudioFolder(songs, **{"sample_length": 0.5, "sample_rate": RATE, "samples_per_epoch": 40} | settings)


def places(passes):
    return [place_of(target) for _, target in passes]
