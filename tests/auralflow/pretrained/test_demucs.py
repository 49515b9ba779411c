"""The published HTDemucs: what is said of them, with a small network in their place."""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from demucs_files import SMALL, SMALL_H, ht_demucs, package_of, write_safetensors, write_th

from auralflow.cli.main import main
from auralflow.pretrained import PRETRAINED
from auralflow.pretrained.demucs import DEMUCSES
from auralflow.pretrained.roformers import NONE_STATED
from auralflow.pretrained.web import WebFile
from auralflow_core.config import HDemucs, HTDemucs, from_dict, to_dict
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import read_tensors
from bridge.importers.demucs_bag import read_published_bag


@pytest.mark.parametrize("published", DEMUCSES, ids=lambda published: published.name)
def test_settings_are_those_of_published_networks(published):
    config = published.config
    assert from_dict(to_dict(config)) == config and PRETRAINED[published.name] is published
    assert config.crop_samples == (1_940_400 if published.name == "hdemucs_mmi" else 343_980)
    assert published.licence == NONE_STATED
    for file in published.files:
        assert file.name.partition("-")[2] == f"{file.sha256[:8]}.th" and len(file.sha256) == 64


def test_each_target_of_the_fine_tuned_model_is_its_own_members():
    model = PRETRAINED["htdemucs_ft"].config.model
    assert isinstance(model, HTDemucs)
    # drums, bass, other, vocals by bass, drums, other, vocals
    assert model.member_weights.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("published", DEMUCSES, ids=lambda published: published.name)
def test_a_package_becomes_the_model_and_another_is_refused(published, monkeypatch, capsys):
    model = published.config.model
    files, expected, members = [], {}, getattr(model, "members", 1)
    small = SMALL_H if isinstance(model, HDemucs) else SMALL
    Path("files").mkdir()
    for index in range(members):
        single, state = ht_demucs(small | {"targets": published.targets}, seed=index)
        path = Path(f"files/model_{index}.th")
        write_th(path, package_of(single, state))
        files.append(WebFile(f"http://127.0.0.1:9/{path.name}", hashlib.sha256(path.read_bytes()).hexdigest()))
        prefix = f"member.{index}." if members > 1 else ""
        expected |= {prefix + name: array.astype(np.float16) for name, array in state.items()}
    bag = (
        {"members": members, "member_shares": model.member_shares}
        if isinstance(model, HTDemucs) and members > 1
        else {}
    )
    config, _ = ht_demucs(small | {"targets": published.targets} | bag)
    stand_in = replace(published, config=config, files=tuple(files), read=partial(read_published_bag, config=config))
    monkeypatch.setitem(PRETRAINED, published.name, stand_in)
    arguments = ("pretrained", "get", published.name, "--file", "files", "--save")
    assert main([*arguments, "mine"]) == 0, capsys.readouterr().err
    found = read_tensors(ModelFolder("mine").weights).tensors
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[key], array) for key, array in expected.items())

    monkeypatch.setitem(PRETRAINED, published.name, replace(stand_in, read=published.read, name="another"))
    assert main([*arguments, "again"]) == 2
    assert "model_0.th: its network is another one: " in capsys.readouterr().err


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
