"""Models that one framework has trained, in the hands of the other."""

import io

import jax
import numpy as np
import pytest
import torch
from rich.console import Console
from small_models import KINDS, make_model, random_weights, same_bits, small_config

from auralflow.songs import make_songs
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import read_tensors
from auralflow_core.weights.names import COUNTER, to_flax, to_torch
from auralflow_core.weights.training_state import read_training
from auralflow_jax.loading import load
from auralflow_jax.separation import separate
from auralflow_jax.train.run import train
from auralflow_jax.train.step import average as jax_average
from auralflow_jax.weights import load_weights
from auralflow_torch.losses import L1Loss
from auralflow_torch.models import SpectrogramMaskModel, create_model
from auralflow_torch.networks import build_network
from auralflow_torch.train.ema import average_of
from auralflow_torch.train.trainer import ModelTrainer
from auralflow_torch.train.transfer import load_run, save_run
from auralflow_torch.weights import load_state
from bridge.cli import main


def new_trainer(model, folder):
    return ModelTrainer(model, L1Loss(model), folder=folder, callbacks=(), console=Console(file=io.StringIO()))


def train_in_torch(model, folder, epochs=1):
    """Epochs of two steps on noise."""
    trainer = new_trainer(model, folder)
    trainer.train(*noise(model.config), max_epochs=epochs)
    return trainer


def noise(config):
    """Batches to train and to validate with, the same."""
    rng = torch.Generator().manual_seed(0)
    mixture = torch.rand(2, 2, 1, config.crop_samples, generator=rng) - 0.5
    batches = [(some, 0.5 * some) for some in mixture]
    return batches, batches


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


def test_the_average_is_that_of_jax():
    config = small_config()
    network, variables = build_network(config), random_weights(config)
    load_state(network, to_torch(variables))
    average, ours = average_of(network, 0.3), variables
    for step, seed in enumerate((1, 2, 3, 4, 5)):
        fresh = random_weights(config, seed)
        load_state(network, to_torch(fresh))
        average.update_parameters(network)
        ours = jax_average(ours, fresh, step, 0.3)
    found = to_flax({name: tensor.numpy() for name, tensor in average.module.state_dict().items()}, variables)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(ours), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def uncounted(tensors):
    """Without the numbers of batches, which JAX does not count."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(COUNTER)}


def test_a_run_goes_from_torch_to_jax_and_back_bit_for_bit(here, capsys):
    torch.manual_seed(0)
    trainer = train_in_torch(create_model(small_config(stop_patience="1")), here / "torch", epochs=3)
    save_run(trainer, "run.safetensors")
    assert main(["to-jax", "run.safetensors", "jax"]) == 0, capsys.readouterr().err
    average = to_flax(read_training("run.safetensors")[0].ema, load_weights(ModelFolder("jax").weights)[0])
    assert not same_bits(average, to_flax(read_training("run.safetensors")[0].params, average))
    assert main(["to-torch", "jax", "--training", "-o", "again.safetensors"]) == 0, capsys.readouterr().err
    there, back = (read_tensors(f"{name}.safetensors") for name in ("run", "again"))
    assert (there.config, there.provenance) == (back.config, back.provenance)
    assert same_bits(uncounted(there.tensors), uncounted(back.tensors))

    # From the file, and from where the first trainer stands: the same last epoch.
    moved = new_trainer(create_model(small_config(stop_patience="1")), here / "moved")
    load_run(moved, "again.safetensors")
    weights = (uncounted(read_tensors(one.folder.weights).tensors) for one in (moved, trainer))
    assert same_bits(*weights)
    for one in (moved, trainer):
        torch.manual_seed(7)
        one.model.network.dropout.p = 0.0  # its random numbers are not part of the file  # pyright: ignore[reportAttributeAccessIssue]
        one.train(*noise(one.model.config), max_epochs=4)
    assert len(moved.history) == 4 and moved.step == 8 and moved.history[:3] == trainer.history[:3]
    for a, b in ((moved.model, trainer.model), (moved.average, trainer.average)):
        torch.testing.assert_close(uncounted(a.state_dict()), uncounted(b.state_dict()), rtol=0, atol=0)
    assert moved.scheduler.state_dict() == trainer.scheduler.state_dict()


def test_a_run_of_torch_goes_on_in_jax(here, capsys):
    make_songs(here / "songs", tracks=3, seconds=2, sample_rate=16000)
    config = small_config(max_epochs="2", samples_per_epoch="8", tensorboard="false", num_snippets="0")
    save_run(train_in_torch(create_model(config), here / "torch"), "run.safetensors")
    assert main(["to-jax", "run.safetensors", "jax"]) == 0, capsys.readouterr().err
    console = Console(file=io.StringIO(), width=200)
    train(here / "jax", here / "songs", console=console)
    assert "Going on after step 2 (1 of 2 epochs done)" in console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert "Done: all 2 epochs are done" in console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_runs_that_cannot_move_are_refused(here):
    trainer = train_in_torch(create_model(small_config()), here / "torch")
    save_run(trainer, "run.safetensors")
    with pytest.raises(InputError, match="torch: holds a run already; name a new folder"):
        load_run(trainer, "run.safetensors")
    other = create_model(small_config(hidden_channels="3"))
    with pytest.raises(InputError, match=r"run\.safetensors: is of another model: hidden_channels"):
        load_run(new_trainer(other, here / "other"), "run.safetensors")
    with pytest.raises(InputError, match="needs a folder"):
        load_run(new_trainer(other, None), "run.safetensors")
    sgd = ModelTrainer(other, L1Loss(other), torch.optim.SGD(other.parameters(), 0.1), folder=here / "sgd")
    with pytest.raises(InputError, match="with AdamW's moments, and the trainer's optimizer is SGD"):
        save_run(sgd, "sgd.safetensors")
    save_run(new_trainer(other, here / "fresh"), "fresh.safetensors")
    with pytest.raises(InputError, match="has not finished an epoch yet"):
        load_run(new_trainer(other, here / "third"), "fresh.safetensors")


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
