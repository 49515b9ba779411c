"""Models that one framework has trained, in the hands of the other."""

import io

import jax
import numpy as np
import pytest
import torch
from rich.console import Console
from small_models import KINDS, make_model, random_weights, same_bits, small_config

from auralflow.errors import InputError
from auralflow.folder import ModelFolder
from auralflow.naming import to_flax
from auralflow.songs import make_songs
from auralflow.tensors import read_tensors
from auralflow_jax.separation import load, separate
from auralflow_jax.train import train
from auralflow_jax.weights import load_weights
from auralflow_torch.losses import L1Loss
from auralflow_torch.models import SpectrogramMaskModel, create_model
from auralflow_torch.trainer import ModelTrainer
from bridge.cli import main


def train_in_torch(model, folder):
    """One epoch of two steps on noise."""
    rng = torch.Generator().manual_seed(0)
    mixture = torch.rand(2, 2, 1, model.config.crop_samples, generator=rng) - 0.5
    batches = [(some, 0.5 * some) for some in mixture]
    trainer = ModelTrainer(model, L1Loss(model), folder=folder, callbacks=(), console=Console(file=io.StringIO()))
    trainer.train(batches, batches, max_epochs=1)
    return trainer


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_torch_has_trained_separates_in_jax(kind, here):
    torch.manual_seed(0)
    train_in_torch(create_model(small_config(kind)), here / "model")
    audio = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 9000)).astype(np.float32)
    expected = SpectrogramMaskModel.from_pretrained(here / "model").separate(torch.from_numpy(audio)).numpy()
    with jax.default_matmul_precision("highest"):
        np.testing.assert_allclose(separate(load(here / "model"), audio, 16000)[0], expected, atol=1e-5)


def test_a_run_in_torch_becomes_one_in_jax(here, capsys):
    train_in_torch(create_model(small_config()), here / "torch")
    assert main(["to-jax", "torch", "jax"]) == 0, capsys.readouterr().err
    variables, config, provenance = load_weights(ModelFolder("jax").weights)
    theirs = read_tensors(ModelFolder("torch").weights)
    assert same_bits(variables, to_flax(theirs.tensors, variables)) and config == theirs.config
    assert provenance == theirs.provenance and provenance["epoch"] == 1
    assert main(["info", "torch"]) == 0 and "auralflow-torch" in capsys.readouterr().out
    assert main(["verify", "torch"]) == 0 and "are the same" in capsys.readouterr().out


def test_a_model_of_jax_is_trained_on_in_torch(here):
    variables = random_weights(small_config())
    make_model(here / "jax", small_config(), variables)
    model = SpectrogramMaskModel.from_pretrained(here / "jax")
    trainer = train_in_torch(model, here / "torch")
    after = load_weights(trainer.folder.weights)[0]["params"]
    changed = jax.tree.map(lambda old, new: float(np.abs(old - new).max()), variables["params"], after)
    assert 0 < max(jax.tree.leaves(changed)) < 0.01  # two steps at the beginning of the warm-up


def test_neither_framework_replaces_the_other_s_weights(here):
    make_songs(here / "songs", tracks=3, seconds=2, sample_rate=16000)
    train_in_torch(create_model(small_config()), here / "torch")
    weights = ModelFolder(here / "torch").weights.read_bytes()
    with pytest.raises(InputError, match=r"best\.safetensors: belongs to a run that cannot go on here"):
        train(here / "torch", here / "songs", console=Console(file=io.StringIO()))
    assert ModelFolder(here / "torch").weights.read_bytes() == weights
    make_model(here / "jax", small_config())
    with pytest.raises(InputError, match=r"holds another run, which cannot go on here as it has no last\.pt"):
        train_in_torch(create_model(small_config()), here / "jax")
