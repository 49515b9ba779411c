"""Tracks whose values tell track, stem and sample, and the batches that are made of them."""

import contextlib
import itertools

import numpy as np
import soundfile
from msgspec.structs import replace

from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig
from auralflow_jax.data.batches import training_batches
from auralflow_jax.data.crops import TrainingCrops

RATE = 8000
CROP = 1000
STEMS = ("bass", "drums", "vocals")
PLAIN = DatasetConfig(sample_length=CROP / RATE, remix=False, gain_db=0, flip_polarity=False, swap_channels=False)


def make_config(targets=("bass", "drums", "vocals"), channels=1, batch_size=4, seed=0, **dataset):
    model = SpectrogramNetSimple(
        targets=targets,
        num_channels=channels,
        sample_rate=RATE,
        num_fft=512,
        window_size=512,
        hop_length=128,
        num_bins=257,
    )
    return Config(
        model=model, dataset=replace(PLAIN, **dataset), training=TrainingConfig(batch_size=batch_size, seed=seed)
    )


def write_track(folder, number, samples, stems=STEMS):
    """Every value tells where it is from: 3 * track + stem, plus the sample in units of 2^-20."""
    folder.mkdir(parents=True)
    for index, stem in enumerate(stems):
        ramp = 3 * number + index + np.arange(samples) * 2.0**-20
        soundfile.write(folder / f"{stem}.wav", ramp, RATE, subtype="FLOAT")


def origin(values):
    """The inverse of `write_track`: track, stem, and sample of the first value; checks that samples follow."""
    number = np.floor(values[..., 0])
    starts = np.rint((values[..., 0] - number) * 2**20)
    steps = np.rint((values - number[..., None]) * 2**20) - starts[..., None]
    np.testing.assert_array_equal(steps, np.broadcast_to(np.arange(values.shape[-1]), values.shape))
    return number // 3, number % 3, starts


def first(number, tracks, config, **options):
    with contextlib.closing(training_batches(TrainingCrops(tracks, config), **options)) as iterator:
        return list(itertools.islice(iterator, number))


def assert_equal(batch, other):
    assert batch.keys() == other.keys()
    for key in batch:
        np.testing.assert_array_equal(batch[key], other[key])
