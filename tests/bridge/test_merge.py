"""Adapters in the hands of both frameworks."""

import jax
import numpy as np
import pytest
import torch
from roformer_files import MEL
from small_models import make_model, random_weights, small_config

import auralflow_jax
import auralflow_torch
from auralflow_core.config import from_dict
from auralflow_core.errors import InputError
from auralflow_core.weights.adapter import Adapter, digest, read_adapter, write_adapter
from auralflow_core.weights.file import TORCH, TensorFile, write_tensors
from auralflow_core.weights.names import to_torch
from auralflow_jax.lora import adapt, draw_adapters, name_factors
from bridge.cli import main

RANK, ALPHA = 2, 3.0
CONFIG = from_dict({"model": MEL | {"model_name": "m"}, "dataset": {"sample_length": 0.2}})
WEIGHTS = random_weights(CONFIG)


def random_adapters():
    rng = np.random.default_rng(5)
    drawn = draw_adapters(WEIGHTS["params"], RANK, jax.random.key(0))
    return jax.tree.map(lambda x: (0.2 * rng.standard_normal(x.shape)).astype(np.float32), drawn)


@pytest.fixture
def files(tmp_path):
    """The folder of a model, and a file of adapters for it."""
    base = make_model(tmp_path / "base", CONFIG, WEIGHTS)
    tensors, sha256 = name_factors(random_adapters(), WEIGHTS["params"]), digest(to_torch(WEIGHTS))
    adapter = Adapter(tensors, "base", sha256, RANK, ALPHA, CONFIG, {"epoch": 2})
    write_adapter(tmp_path / "a.safetensors", adapter)
    return base.path, tmp_path / "a.safetensors"


def test_weights_with_and_without_merging_agree_in_both_frameworks(files, tmp_path, capsys):
    base, adapter = files
    assert main(["merge", str(base), "--adapter", str(adapter), "-o", str(tmp_path / "merged")]) == 0
    audio = np.random.default_rng(3).uniform(-0.5, 0.5, (1, 2, 2000)).astype(np.float32)
    params = adapt(WEIGHTS["params"], random_adapters(), ALPHA / RANK)  # as a step computes them
    with jax.default_matmul_precision("highest"):
        plain = auralflow_jax.load(base)
        expected = plain.apply(WEIGHTS | {"params": params}, audio).audio
        assert np.abs(expected - plain.estimate(audio).audio).max() > 1e-2
        for model in (auralflow_jax.load(tmp_path / "merged"), auralflow_jax.load(base, adapter=adapter)):
            np.testing.assert_allclose(model.estimate(audio).audio, expected, atol=1e-5)
    for model in (auralflow_torch.load(tmp_path / "merged"), auralflow_torch.load(base, adapter=adapter)):
        with torch.no_grad():
            np.testing.assert_allclose(model.estimate(torch.from_numpy(audio)).audio, expected, atol=1e-5)
    assert main(["info", str(adapter)]) == 0
    output = capsys.readouterr().out
    assert "auralflow-lora" in output and '"name": "base"' in output


def test_an_adapter_fits_the_same_weights_in_a_file_of_torch(files, tmp_path):
    base, adapter = files
    write_tensors(tmp_path / "t.safetensors", TensorFile(TORCH, to_torch(WEIGHTS), CONFIG, {}))
    merged = auralflow_torch.load(tmp_path / "t.safetensors", adapter=adapter).state_dict()
    torch.testing.assert_close(merged, auralflow_torch.load(base, adapter=adapter).state_dict(), rtol=0, atol=0)


def test_what_does_not_belong_together_is_refused(files, tmp_path, capsys):
    base, adapter = files
    other = make_model(tmp_path / "other", CONFIG, random_weights(CONFIG, 9))
    words = r"a\.safetensors: was trained for the model 'base', whose weights have the SHA-256 [0-9a-f]{12}"
    for load in (auralflow_jax.load, auralflow_torch.load):
        with pytest.raises(InputError, match=words):
            load(other.path, adapter=adapter)
    for arguments, words in (
        ([str(other.path), "--adapter", str(adapter)], "was trained for the model 'base'"),
        ([str(base), "--adapter", str(other.weights)], "'auralflow-flax', expected 'auralflow-lora'"),
        ([str(base), "--adapter", str(tmp_path / "none")], "no such file of weights"),
        ([str(adapter), "--adapter", str(adapter)], "'auralflow-lora', expected 'auralflow-flax'"),
    ):
        assert main(["merge", *arguments, "-o", str(tmp_path / "new")]) == 2
        assert words in capsys.readouterr().err and not (tmp_path / "new").exists()
    assert main(["merge", str(base), "--adapter", str(adapter), "-o", str(other.path)]) == 2
    assert "other: exists already" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [lambda a: a.T, lambda a: a[None], lambda a: a[0], lambda a: None])
def test_factors_that_are_no_pair_are_refused(files, damage):
    base, path = files
    adapter = read_adapter(path)
    name = "blocks.0.time.layers.0.attention.qkv.weight.lora_A"
    changed = damage(adapter.tensors.pop(name))
    if changed is not None:
        adapter.tensors[name] = changed
    write_adapter(path, adapter)
    with pytest.raises(
        InputError, match=r"a\.safetensors: its tensors 'blocks\.0\..*' are not both factors of a weight"
    ):
        auralflow_jax.load(base, adapter=path)


def test_training_states_of_adapters_and_other_optimizers_stay_where_they_are(tmp_path, capsys):
    for setting in ({"optimizer": "muon"}, {"lora_rank": "4"}):
        make_model(tmp_path / "m", small_config("SpectrogramNetLSTM", **setting))
        assert main(["to-torch", str(tmp_path / "m"), "--training", "-o", str(tmp_path / "t.safetensors")]) == 2
        assert f"training.{next(iter(setting))} is" in capsys.readouterr().err
