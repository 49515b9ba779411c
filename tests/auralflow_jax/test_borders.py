"""A song in segments beside the same song in one piece: where segments begin and end, they differ no more."""

import jax
import numpy as np
import pytest

from auralflow.audio import read
from auralflow.config import Config, DatasetConfig, SpectrogramNetSimple
from auralflow.separation import OVERLAP, separate
from auralflow.songs import make_songs
from auralflow_jax import networks
from auralflow_jax.separation import make_separator

RATE = 8000


@pytest.fixture(scope="module")
def separation(tmp_path_factory):
    """A network that sees a third of a segment at once, a song, and its estimate in one piece."""
    folder = tmp_path_factory.mktemp("songs")
    make_songs(folder, tracks=3, seconds=60, sample_rate=RATE)
    audio = read(next(folder.glob("train/*/mixture.*")))[0].mean(axis=0, keepdims=True)
    model = SpectrogramNetSimple(sample_rate=RATE, num_fft=512, window_size=512, hop_length=192, num_bins=257,
                                 hidden_channels=4, depth=3)
    config = Config(model=model, dataset=DatasetConfig(sample_length=1.5))
    network = networks.build(config)
    separator = make_separator(config, network.init(jax.random.key(0), config.crop_samples), network)
    return separator, audio, separator(audio[None])[0]


def levels(separation, overlap):
    """Of the difference, in dB: within a twentieth of a segment of a border or a cross-fade, and elsewhere."""
    separator, audio, whole = separation
    segment = separator.config.crop_samples
    faded, reach = round(overlap * segment), segment // 20
    stride = segment - faded
    power = np.square(separate(separator, audio, RATE, overlap) - whole)[0, 0]
    power = power[stride:(len(power) // stride - 1) * stride].reshape(-1, stride).mean(axis=0)
    near = np.r_[0:faded + reach, stride - reach:stride]
    return [10 * np.log10(part.mean()) for part in (power[near], np.delete(power, near))]


@pytest.mark.parametrize("overlap", [OVERLAP, 0.25])
def test_cross_faded_borders_differ_no_more_than_the_rest(separation, overlap):
    at_borders, elsewhere = levels(separation, overlap)
    assert at_borders <= elsewhere + 0.25


def test_borders_without_a_cross_fade_show(separation):
    at_borders, elsewhere = levels(separation, 0.0)
    assert at_borders > elsewhere + 1.5
