"""The published HTDemucs: what is said of them, with a small network in their place."""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from demucs_files import SMALL, ht_demucs, package_of, write_safetensors, write_th

from auralflow.cli.main import main
from auralflow.pretrained import PRETRAINED
from auralflow.pretrained.demucs import HTDEMUCSES
from auralflow.pretrained.roformers import NONE_STATED
from auralflow.pretrained.web import WebFile
from auralflow_core.config import from_dict, to_dict
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import read_tensors
from bridge.importers.demucs_package import read_published


@pytest.mark.parametrize("published", HTDEMUCSES, ids=lambda published: published.name)
def test_settings_are_those_of_published_networks(published):
    config = published.config
    assert from_dict(to_dict(config)) == config and PRETRAINED[published.name] is published
    assert config.crop_samples == 343_980 and published.licence == NONE_STATED
    assert published.files[0].name.partition("-")[2] == f"{published.files[0].sha256[:8]}.th"


@pytest.mark.parametrize("published", HTDEMUCSES, ids=lambda published: published.name)
def test_a_package_becomes_the_model_and_another_is_refused(published, monkeypatch, capsys):
    config, state = ht_demucs(SMALL | {"targets": published.targets})
    write_th("model.th", package_of(config, state))
    digest = hashlib.sha256(Path("model.th").read_bytes()).hexdigest()
    file = WebFile("http://127.0.0.1:9/model.th", digest)
    stand_in = replace(published, config=config, files=(file,), read=partial(read_published, config=config))
    monkeypatch.setitem(PRETRAINED, published.name, stand_in)
    arguments = ("pretrained", "get", published.name, "--file", "model.th", "--save")
    assert main([*arguments, "mine"]) == 0, capsys.readouterr().err
    found = read_tensors(ModelFolder("mine").weights).tensors
    assert found.keys() == state.keys()
    assert all(np.array_equal(found[key], array.astype(np.float16)) for key, array in state.items())

    monkeypatch.setitem(PRETRAINED, published.name, replace(stand_in, read=published.read, name="another"))
    assert main([*arguments, "again"]) == 2
    assert "model.th: its network is another one: " in capsys.readouterr().err


def test_a_file_of_demucs_is_a_model(capsys):
    config, state = ht_demucs(SMALL)
    write_safetensors("theirs.safetensors", package_of(config, state, half=False))
    get = ("pretrained", "get", "--save", "mine", "--file", "theirs.safetensors")
    assert main([*get, "--settings", "theirs.yaml"]) == 2
    assert (
        "theirs.yaml: theirs.safetensors is a file of demucs, which has its settings inside" in capsys.readouterr().err
    )
    assert main([*get]) == 0, capsys.readouterr().err
    assert main(["convert", "to-demucs", "mine", "-o", "again.safetensors"]) == 0, capsys.readouterr().err
    assert main(["pretrained", "get", "--save", "again", "--file", "again.safetensors"]) == 0, capsys.readouterr().err
    for folder in ("mine", "again"):
        found = read_tensors(ModelFolder(folder).weights).tensors
        assert found.keys() == state.keys()
        assert all(np.array_equal(found[key], array) for key, array in state.items())
    assert "- theirs.safetensors, SHA-256 " in Path("mine/README.md").read_text()
