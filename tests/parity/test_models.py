"""Whole models, from audio to audio, with the same random weights in both frameworks."""

import jax
import numpy as np
import pytest
import torch

import bridge
from auralflow_core.config import MODELS, from_dict
from auralflow_core.separation.separator import separate
from auralflow_jax import separation as jax_separation
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.separation import Separator
from auralflow_torch.weights import load_state
from bridge.parity.cases import OF_NETWORKS
from bridge.parity.twins import random_variables

CASES = [
    {"model_type": "SpectrogramNetSimple"},
    {
        "model_type": "SpectrogramNetSimple",
        "targets": ["bass", "drums", "vocals"],
        "joiner": "softmax",
        "mask_activation": "identity",
        "high_bins": "last",
        "num_channels": 2,
        "padding": "constant",
    },
    {
        "model_type": "SpectrogramNetLSTM",
        "targets": ["drums", "vocals"],
        "joiner": "ratio",
        "high_bins": "mean",
        "normalize_input": True,
        "normalize_output": True,
    },
    {
        "model_type": "SpectrogramNetVAE",
        "mask_activation": "relu",
        "num_channels": 2,
        "input_axis": 1,
        "window_size": 48,
        "leak_factor": 0.1,
    },
    {"model_type": "AudioNetSimple", "num_channels": 2, "targets": ["drums", "vocals"]},
    {"model_type": "AudioNetVAE", "recurrent_group": 3},
    {
        "model_type": "HybridNet",
        "num_channels": 2,
        "targets": ["drums", "vocals"],
        "joiner": "ratio",
        "high_bins": "mean",
        "audio_channels": 4,
        "audio_depth": 2,
    },
    {"model_type": "BSRoformer", "num_channels": 1, "padding": "constant", "window_size": 48, "zero_dc": False},
    {"model_type": "MelBandRoformer", "targets": ["drums", "vocals"], "num_bands": 6, "positions": "polar"},
    {"model_type": "SCNet", "targets": ["drums", "vocals"], "num_channels": 1, "masks": True, "zero_dc": True},
    {"model_type": "TFCTDF", "num_bins": 32, "num_subbands": 2, "growth": 2, "compression": 2},
    {"model_type": "HTDemucs", "targets": ["drums", "vocals"], "num_channels": 1, "compression": 1},
    {"model_type": "HDemucs", "targets": ["vocals"], **OF_NETWORKS["HDemucs"]},
]
SIZES = {
    "sample_rate": 8000,
    "num_fft": 64,
    "window_size": 64,
    "hop_length": 24,
    "num_bins": 29,
    "hidden_channels": 2,
    "depth": 2,
    "width": 8,
    "num_blocks": 2,
    "heads": 2,
    "head_size": 4,
    "level_channels": (4, 6),
    "num_layers": 2,
}
SAMPLES = 599  # of a crop, no whole number of hops


@pytest.fixture(params=CASES, ids=lambda case: case["model_type"])
def twins(request):
    """A model in both frameworks, in evaluation mode."""
    known = MODELS[request.param["model_type"]].__struct_fields__
    sizes = {name: value for name, value in SIZES.items() if name in known}
    config = from_dict({"model": sizes | request.param, "dataset": {"sample_length": SAMPLES / 8000}})
    flax = build(config)
    variables = random_variables(abstract_variables(config))
    model = create_model(config).eval()
    load_state(model.network, bridge.to_torch(variables))
    return flax, variables, model


def noise(*shape):
    return np.random.default_rng(1).uniform(-0.5, 0.5, shape).astype(np.float32)


def compare(ours, theirs):
    """Every field of an estimate, to a hundred-thousandth of its largest value."""
    for name, expected in theirs._asdict().items():
        found = getattr(ours, name)
        assert (found is None) == (expected is None), name
        pairs = [] if found is None else zip(found, expected, strict=True) if name == "latent" else [(found, expected)]
        for part, other in pairs:
            other = np.asarray(other)
            assert part.shape == other.shape, name
            np.testing.assert_allclose(
                part.detach(), other, rtol=0, atol=1e-5 * max(1, np.abs(other).max()), err_msg=name
            )


def test_estimates_agree(twins):
    flax, variables, model = twins
    mixture = noise(2, model.config.model.num_channels, SAMPLES)
    with torch.no_grad():
        compare(model.estimate(torch.from_numpy(mixture)), jax.jit(flax.apply)(variables, mixture))
    truth = noise(2, len(model.targets), *mixture.shape[1:])
    compare(model.represent(torch.from_numpy(truth)), flax.represent(truth))


@pytest.mark.parametrize("channels", [1, 2])
def test_separated_songs_agree(twins, channels):
    """Several segments, an end inside one, another sample rate, and the other number of channels."""
    flax, variables, model = twins
    audio = noise(channels, 4321)
    expected, ours = (
        separate(separator, audio, 11025, overlap=0.2, batch_size=3)
        for separator in (jax_separation.Separator(flax.replace(variables=variables)), Separator(model))
    )
    assert ours.shape == expected.shape == (len(model.targets), channels, 4321)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


def test_a_clip_shorter_than_a_segment_has_its_length_and_silence_is_silent(twins):
    flax, variables, model = twins
    for separator in (jax_separation.Separator(flax.replace(variables=variables)), Separator(model)):
        found = separate(separator, np.zeros((1, 131), np.float32), 8000)
        assert found.shape == (len(model.targets), 1, 131) and np.abs(found).max() < 1e-4


def test_refined_songs_agree(twins):
    flax, variables, model = twins
    audio, options = noise(2, 2000), {"shifts": 2, "wiener": 1, "consistency": len(model.targets) > 1}
    expected = flax.replace(variables=variables).separate(audio, **options)
    ours = model.separate(torch.from_numpy(audio), **options).numpy().reshape(expected.shape)
    # The filter divides by what is estimated, which magnifies rounding: 1.2e-5 was seen.
    np.testing.assert_allclose(ours, expected, rtol=0, atol=5e-5 * max(1, np.abs(expected).max()))
