"""Exported files: every family in every kind of file, and what is refused."""

import numpy as np
import pytest
import torch

from auralflow.api.export import export
from auralflow.backends import EXPORTERS, load_exporter
from auralflow_core.config import MODELS
from auralflow_core.errors import InputError
from auralflow_torch.models import create_model
from bridge.parity.cases import small_config

ONE = "SpectrogramNetLSTM"  # has an STFT, convolutions and recurrent layers


@pytest.fixture
def saved(tmp_path):
    """Saves a small model with random weights, and returns it and its folder."""

    def saved(name, **settings):
        torch.manual_seed(0)
        model = create_model(small_config(name, **settings)).eval()
        model.save(tmp_path / name)
        return model, tmp_path / name

    return saved


@pytest.mark.parametrize("to", EXPORTERS)
@pytest.mark.parametrize(
    "name", [name if name == ONE else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_every_family_is_exported_and_agrees_with_its_model(saved, tmp_path, to, name):
    model, folder = saved(name, targets=("bass", "vocals"), num_channels=2)
    path, description = export(folder, to, tmp_path / f"out{EXPORTERS[to].suffix}")
    audio = np.random.default_rng(0).normal(size=(1, 2, description.samples)).astype(np.float32) / 10
    found = load_exporter(to).open_program(path)(audio)
    with torch.no_grad():
        expected = model.estimate(torch.from_numpy(audio)).audio.numpy()
    assert found.shape == expected.shape == (1, 2, 2, description.samples)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert load_exporter(to).read_description(path) == description
    assert description.settings(str(path)) == model.settings
    assert description.check.largest_difference <= description.check.tolerance == 1e-4
