"""The documented examples of models."""

import json

import pytest
import torch

from auralflow_core.config import template, to_dict


@pytest.mark.parametrize("samples", [88200, 132300, 200001])
def test_a_mask_model_of_a_configuration_file(tmp_path, samples):
    (tmp_path / "config.json").write_text(json.dumps(to_dict(template("SpectrogramNetSimple"))))

    from auralflow import utils
    from auralflow.models import SpectrogramMaskModel

    config_data = utils.load_config(str(tmp_path / "config.json"))
    config_data["model"]["hidden_channels"] = 2  # the one thing that is smaller here
    mix_audio = torch.rand((1, samples))
    mask_model = SpectrogramMaskModel(config_data)
    vocals_estimate = mask_model.separate(mix_audio)
    assert vocals_estimate.shape == mix_audio.shape
    assert vocals_estimate.isfinite().all() and not torch.equal(vocals_estimate, mix_audio)


def test_the_simple_network():
    from auralflow.models import SpectrogramNetSimple

    spec_net = SpectrogramNetSimple(
        num_fft_bins=1024,
        num_frames=173,
        num_channels=1,
        hidden_channels=16,
        normalize_input=True,
        normalize_output=True,
    )
    mix_audio = torch.rand((2, 1, 1024, 173))
    with torch.no_grad():
        mask = spec_net(mix_audio)
    assert mask.shape == mix_audio.shape and mask.min() >= 0 and mask.max() <= 1
    assert sum(array.numel() for array in spec_net.parameters()) == pytest.approx(7.9e6, rel=0.1)


@pytest.mark.parametrize("name", ["SpectrogramNetLSTM", "SpectrogramNetVAE"])
def test_the_recurrent_networks(name):
    from auralflow import models

    spec_net = getattr(models, name)(
        num_fft_bins=1024,
        num_frames=173,
        num_channels=1,
        hidden_channels=16,
        recurrent_depth=2,
        hidden_size=2048,
        input_axis=1,
    )
    mix_audio = torch.rand((2, 1, 1024, 173))
    with torch.no_grad():
        mask = spec_net(mix_audio)
    assert mask.shape == mix_audio.shape and mask.min() >= 0 and mask.max() <= 1
