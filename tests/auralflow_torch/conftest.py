from pathlib import Path

import pytest
import torch

from auralflow.songs import make_songs
from auralflow_core.config import MODELS, Config, from_dict, template
from auralflow_torch.models import SeparationModel, SpectrogramMaskModel, create_model

# A front end whose sizes fit nothing: an odd number of bins above those that the network sees, a hop that is no
# divisor of the window. Of the rest a network takes the settings that it has.
SMALL = {
    "targets": ["vocals"],
    "num_channels": 1,
    "sample_rate": 8000,
    "num_fft": 64,
    "window_size": 64,
    "hop_length": 24,
    "num_bins": 29,
    "joiner": "independent",
    "hidden_channels": 2,
    "depth": 1,
    "hidden_size": 4,
    "seen_bins": 20,
    "width": 8,
    "num_blocks": 1,
    "heads": 2,
    "head_size": 4,
    "num_bands": 5,
    "audio_channels": 2,
    "audio_depth": 2,
    "num_layers": 2,
    "level_channels": (4, 8),
    "band_strides": (1, 2, 4),
    "band_kernels": (3, 2, 4),
    "band_depths": (1, 1, 1),
    "num_subbands": 1,
    "growth": 4,
}
# Where it would not do: widths that branches can narrow, and levels of every kind.
OF_NETWORKS = {
    "HTDemucs": {"hidden_channels": 8},
    "HDemucs": {
        "hidden_channels": 8,
        "depth": 3,
        "norm_level": 1,
        "norm_groups": 2,
        "recurrent_level": 1,
        "attention_level": 1,
    },
    "TFCTDF": {"num_bins": 28, "hidden_channels": 4, "compression": 2},
}


@pytest.fixture
def make_config():
    """`make_config(name, **settings)`: a small configuration of a model of that name, for crops of 600 samples."""
    return _make_config


@pytest.fixture
def make_model():
    """`make_model(name, **settings)`: a small model with fresh weights, the same in every call."""

    def make(name: str = "SpectrogramNetSimple", **settings) -> SeparationModel:
        torch.manual_seed(0)
        return create_model(_make_config(name, **settings))

    return make


@pytest.fixture(params=[name for name in MODELS if template(name).model.FAMILY == SpectrogramMaskModel.FAMILY])
def model(request, make_model) -> SeparationModel:
    """A small model of every network between spectra and masks."""
    return make_model(request.param)


@pytest.fixture(params=[name for name in MODELS if template(name).model.FAMILY != SpectrogramMaskModel.FAMILY])
def waveform_model(request, make_model) -> SeparationModel:
    """A small model of every network that estimates audio itself."""
    return make_model(request.param)


@pytest.fixture
def audio() -> torch.Tensor:
    """Noise, (batch, channels, samples)."""
    return torch.rand(2, 1, 600, generator=torch.Generator().manual_seed(1)) - 0.5


@pytest.fixture(scope="session")
def songs(make_once) -> Path:
    """Three generated songs of two seconds, one in each split."""
    return make_once("three-songs", lambda folder: make_songs(folder, tracks=3, seconds=2, sample_rate=8000))


def _make_config(name: str = "SpectrogramNetSimple", **settings) -> Config:
    known = MODELS[name].__struct_fields__
    small = {setting: value for setting, value in SMALL.items() if setting in known}
    model = {"model_type": name} | small | OF_NETWORKS.get(name, {}) | settings
    return from_dict({"model": model, "dataset": {"sample_length": 0.075}})
