"""How well a fixed equaliser separates the songs of `learning_curves.py`: SI-SDR of the vocals, in dB.

    python benchmarks/fixed_equalizer.py FOLDER [--model NAME] [--preset tiny] [--crops N]

One complex factor for each bin of the STFT, the same in all frames of all songs, by least squares over the model's
first training crops. A network that scores no better has not learnt to tell one moment from another.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from arguments import whole_number

from auralflow_core import config as configuration
from auralflow_core.config.templates import read_template
from auralflow_core.data.training import training_tracks
from auralflow_jax.data.crops import Example, TrainingCrops, ValidationSegments
from auralflow_jax.layers.front_end import analyze, synthesize
from auralflow_jax.metrics import si_sdr


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of learning_curves.py")
    parser.add_argument("--model", choices=list(configuration.MODELS), metavar="NAME", default="BSRoformer")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--crops", type=whole_number, default=300)
    arguments = parser.parse_args()
    config = read_template(arguments.model, arguments.preset)
    tracks, valid_tracks, _ = training_tracks(
        arguments.folder / "songs", max_num_tracks=None, exclude=(), targets=config.model.targets, sources={}
    )
    front_end = cast(configuration.StftConfig, config.model)
    crops, segments = TrainingCrops(tracks, config), ValidationSegments(valid_tracks, config)
    factors = fit((crops(index) for index in range(arguments.crops)), front_end)
    songs: dict[int, list] = {}
    for segment in map(segments, range(len(segments.places))):
        mixture, length = jnp.asarray(segment["mixture"]), round(float(segment["weight"]) * segments.samples)
        estimate = synthesize(factors * analyze(mixture, front_end), segments.samples, front_end)
        truth = np.asarray(segment["targets"])[0]
        songs.setdefault(int(segment["track"]), []).append((estimate[:, :length], truth[:, :length]))
    scores = []
    for song in songs.values():
        estimate, truth = (jnp.concatenate(parts, axis=-1) for parts in zip(*song, strict=True))
        scores.append(si_sdr(estimate, truth))
    print(f"{np.mean(scores):.2f}")


def fit(crops: Iterable[Example], front_end: configuration.StftConfig) -> jax.Array:
    """The factors (bins, 1) that bring the mixtures' spectra nearest to those of their first targets."""
    bins = front_end.num_fft // 2 + 1
    product, power = np.zeros(bins, np.complex128), np.zeros(bins)
    for crop in crops:
        audio = jnp.asarray(np.stack([np.asarray(crop["mixture"]), np.asarray(crop["targets"])[0]]))
        mixture, target = np.asarray(analyze(audio, front_end))
        product += np.sum(target * mixture.conj(), axis=(0, 2))
        power += np.sum(np.abs(mixture) ** 2, axis=(0, 2))
    return jnp.asarray((product / power)[:, None], jnp.complex64)


if __name__ == "__main__":
    main()
