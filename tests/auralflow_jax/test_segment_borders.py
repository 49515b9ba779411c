"""A song in segments beside the same song in one piece: segments that begin where strides repeat hardly show."""

import jax
import numpy as np
import pytest

from auralflow.songs import make_songs
from auralflow_core.audio import read
from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple
from auralflow_core.dsp.overlap_add import overlap_add
from auralflow_core.separation.options import OVERLAP, SeparationOptions, cross_fade
from auralflow_core.separation.separator import block_function
from auralflow_jax.models.registry import build
from auralflow_jax.separation import Separator

RATE = 8000


@pytest.fixture(scope="module")
def separation(tmp_path_factory):
    """A network that sees a third of a segment at once, a song, and its estimate in one piece."""
    folder = tmp_path_factory.mktemp("songs")
    make_songs(folder, tracks=3, seconds=60, sample_rate=RATE)
    audio = read(next(folder.glob("train/*/mixture.*")))[0].mean(axis=0, keepdims=True)
    model = SpectrogramNetSimple(
        sample_rate=RATE, num_fft=512, window_size=512, hop_length=192, num_bins=257, hidden_channels=4, depth=3
    )
    config = Config(model=model, dataset=DatasetConfig(sample_length=1.5))
    network = build(config)
    separator = Separator(network.replace(variables=network.init(jax.random.key(0))))
    return separator, audio, separator(audio[None])[0]


def levels(separation, faded):
    """Of the difference, in dB: within a twentieth of a segment of where a segment begins or ends, and elsewhere."""
    separator, audio, whole = separation
    segment = separator.config.crop_samples
    stride = segment - faded
    chunked = overlap_add(block_function(separator, SeparationOptions()), audio, segment, faded)
    power = np.square(chunked - whole)[0, 0]
    power = power[stride : (len(power) // stride - 1) * stride].reshape(-1, stride).mean(axis=0)
    place = np.arange(stride)
    near = np.minimum.reduce([abs(place - border) for border in (0, faded, stride)]) < segment // 20
    return [10 * np.log10(part.mean()) for part in (power[near], power[~near])]


def test_borders_without_a_cross_fade_show(separation):
    at_borders, elsewhere = levels(separation, cross_fade(separation[0].config, 0.0))
    assert at_borders > elsewhere + 1.5


@pytest.mark.parametrize("overlap", [OVERLAP, 0.25, 0.5])
def test_aligned_segments_differ_even_at_borders_less_than_others_do_elsewhere(separation, overlap):
    config = separation[0].config
    aligned = cross_fade(config, overlap)
    assert (config.crop_samples - aligned) % config.model.alignment == 0
    assert abs(aligned - overlap * config.crop_samples) < config.model.alignment
    _, elsewhere = levels(separation, round(OVERLAP * config.crop_samples))
    assert all(level < elsewhere - 3 for level in levels(separation, aligned))
