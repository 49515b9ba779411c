"""The published band-split RoFormers: what is said of them, with small networks in their place."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from roformer_files import BS, MEL, make_pair, roformer

from auralflow.cli.main import main
from auralflow.pretrained import PRETRAINED
from auralflow.pretrained.roformers import NONE_STATED, ROFORMERS
from auralflow.pretrained.web import WebFile
from auralflow_core.config import from_dict, to_dict
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import read_tensors
from bridge.importers.band_split_roformer import from_msst


@pytest.mark.parametrize("published", ROFORMERS, ids=lambda published: published.name)
def test_settings_are_those_of_published_networks(published):
    config = published.config
    assert from_dict(to_dict(config)) == config and PRETRAINED[published.name] is published
    model = config.model
    assert (model.num_channels, model.sample_rate, model.heads, model.head_size) == (2, 44100, 8, 64)
    assert (model.time_layers, model.band_layers, model.mask_growth, model.num_fft) == (1, 1, 4, 2048)
    expected = (384, 6, 441, 2) if published.name == "melband-roformer-kim" else (256, 12, 512, 1)
    assert (model.width, model.num_blocks, model.hop_length, model.mask_layers) == expected
    assert len(published.files[0].sha256) == 64 and "/resolve/" in published.files[0].url
    assert (config.training.lr, config.training.batch_size, config.training.loss_domain) == (5e-5, 1, "audio")


def test_the_targets_of_six_stems_are_in_the_files_order(monkeypatch, capsys):
    name = "bs-roformer-sw"
    small = BS | {"targets": PRETRAINED[name].targets}
    theirs = make_pair(Path.cwd(), small)
    config, _ = roformer(small)
    digest = hashlib.sha256(Path("model.ckpt").read_bytes()).hexdigest()
    published = PRETRAINED[name]
    stand_in = replace(
        published,
        config=config,
        files=(WebFile("http://127.0.0.1:9/model.ckpt", digest),),
        read=lambda paths: published.read.func(paths, config=config, **_without_config(published.read.keywords)),
    )
    monkeypatch.setitem(PRETRAINED, name, stand_in)
    assert main(["pretrained", "get", name, "--file", "model.ckpt", "--save", "six"]) == 0, capsys.readouterr().err
    state = {key: tensor.numpy() for key, tensor in theirs.items()}
    expected = from_msst(state, config.model, ("bass", "drums", "other", "vocals", "guitar", "piano"))
    found = read_tensors(ModelFolder("six").weights).tensors
    assert found.keys() == expected.keys() and all((found[key] == expected[key]).all() for key in expected)
    # Sorted, guitar comes before other.
    piano = from_msst(state, config.model)["mask.4.value.weight"]
    assert not (found["mask.4.value.weight"] == piano).all()


def _without_config(keywords):
    return {key: value for key, value in keywords.items() if key != "config"}


def test_a_licence_that_nobody_states_is_told_before_the_download(capsys, monkeypatch):
    for name, told in (("bs-roformer-sw", True), ("melband-roformer-kim", False)):
        published = PRETRAINED[name]
        assert (published.licence == NONE_STATED) == told
        nowhere = replace(published, files=(WebFile("http://127.0.0.1:9/model.ckpt", "0" * 64),))
        monkeypatch.setitem(PRETRAINED, name, nowhere)
        assert main(["pretrained", "get", name]) == 2
        assert (f"{name}: nobody states a licence for these weights" in capsys.readouterr().out) == told
    assert main(["pretrained", "get", "bs-roformer-sw", "--offline"]) == 2
    assert capsys.readouterr().out == ""


def test_another_file_is_refused(capsys):
    make_pair(Path.cwd(), MEL)
    assert main(["pretrained", "get", "melband-roformer-kim", "--file", "model.ckpt", "--save", "kim"]) == 2
    assert "model.ckpt: its SHA-256 is" in capsys.readouterr().err and not Path("kim").exists()
