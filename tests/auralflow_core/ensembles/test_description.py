"""JSON that names models: each mistake is one sentence, and nothing is loaded before all members are found."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from auralflow_core.config import Config, SpectrogramNetSimple
from auralflow_core.ensembles.description import describe, read_description
from auralflow_core.ensembles.settings import ensemble_settings
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder

TWO, FOUR = ("accompaniment", "vocals"), ("bass", "drums", "other", "vocals")


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, targets in (("two", TWO), ("four", FOUR), ("stereo", ("vocals",))):
        channels = 2 if name == "stereo" else 1
        network = SpectrogramNetSimple(targets=targets, num_channels=channels, sample_rate=8000 * channels)
        ModelFolder(name).save_config(Config(model=network))


def settings_of(description):
    return ensemble_settings(
        description,
        [
            settings_of(member.model) if hasattr(member.model, "members") else ModelFolder(member.model).load_config()
            for member in description.members
        ],
    )


def write(name="e.json", **content):
    Path(name).write_text(json.dumps(content))
    return Path(name)


def model_of(description) -> Any:
    return settings_of(description).model


def test_targets_and_weights():
    vocals = {"model": "stereo", "weights": {"vocals": 3}}
    path = write(members=[{"model": "two", "targets": ["vocals"]}, {"model": "four"}, vocals])
    model = model_of(read_description(path))
    assert (model.targets, model.sample_rate, model.num_channels) == (FOUR, 16000, 2)
    assert model.member_weights.tolist() == [[0, 0, 0, 0.2], [1, 1, 1, 0.2], [0, 0, 0, 0.6]]
    assert model.narrowed([0]).member_weights.tolist() == [[0] * 4, [1, 0, 0, 0], [0] * 4]
    outer = write("outer.json", targets=["vocals"], members=[{"model": path.name}, {"model": "two"}])
    assert model_of(read_description(outer)).member_weights.tolist() == [[0.5], [0.5]]


def test_chains():
    path = write(combine="chain", members=[{"model": "two", "targets": ["vocals"]}, {"model": "four"}])
    model = model_of(read_description(path))
    assert model.member_weights.tolist() == [[0, 0, 0, 1], [1, 1, 1, 0]]
    assert model.narrowed([1]).member_weights.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]  # which hears the rest
    assert model.narrowed([3]).member_weights.tolist() == [[0, 0, 0, 1], [0, 0, 0, 0]]


def test_arguments():
    model = model_of(describe(["two", "four"], {"vocals": [1, 3], "bass": [0, 1]}, "mean_magnitude"))
    assert model.member_weights.tolist() == [[1, 0, 0, 0, 0.25], [0, 1, 1, 1, 0.75]]
    for weights, words in (
        ([1, 2, 3], "weights: 3 numbers, expected one for each of 2 models"),
        ({"vocals": [1]}, "weights of vocals: 1 number, expected one for each of 2 models"),
        ([1, float("nan")], "weights: 1, nan, expected finite numbers from 0"),
        ([1, -1], "weights: 1, -1, expected finite numbers from 0"),
        ({"vocls": [0, 0]}, "member 'two' has no target 'vocls'; did you mean 'vocals'"),
        ({"bass": [1, 1]}, "member 'two' has no target 'bass'"),
        ([1, 0], "target 'bass' has no weight in any member"),
        ({"vocals": [0, 0]}, "target 'vocals' has no weight in any member"),
    ):
        with pytest.raises(InputError, match=words):
            settings_of(describe(["two", "four"], weights))
    for combine, words in (("man", "unknown combine 'man'; did you mean 'mean'"), ("chain", "a JSON file has them")):
        with pytest.raises(InputError, match=words):
            describe(["two", "four"], None, combine)
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        describe(["two", "nowhere"])


TO_TWO = {"model": "two"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "no ensemble, expected an object with a list of members"),
        ({"members": []}, "members is empty"),
        ({"members": ["two"]}, r"members\[0\]: 'two', expected an object with the key model"),
        ({"members": [{"model": "twoo"}]}, "member 'twoo' is missing: twoo: no such file or folder"),
        ({"members": [{"model": "e.json"}]}, "names itself, expected an ensemble of other models: .*e.json > .*e.json"),
        ({"members": [TO_TWO | {"weight": 1}]}, r"unknown key members\[0\].weight; did you mean 'weights'"),
        ({"members": [TO_TWO | {"weights": -1}]}, r"members\[0\].weights: .*>= 0"),
        ({"members": [TO_TWO | {"weights": float("nan")}]}, r"members\[0\].weights is nan, expected a finite number"),
        ({"members": [TO_TWO | {"weights": [1, 2]}]}, r"members\[0\].weights: expected"),
        ({"members": [TO_TWO | {"weights": {"bass": 1}}]}, "member 'two' has no target 'bass'; known: accompaniment"),
        ({"members": [TO_TWO | {"targets": ["vocal"]}]}, "member 'two' has no target 'vocal'; did you mean 'vocals'"),
        ({"members": [TO_TWO | {"targets": ["vocals", "vocals"]}]}, "targets names 'vocals' twice"),
        ({"members": [TO_TWO], "targets": ["drums"]}, "no member has the target 'drums'"),
        ({"members": [TO_TWO], "combine": "median"}, "combine: unknown value 'median'; did you mean 'mean'"),
        ({"members": [TO_TWO, TO_TWO], "combine": "chain"}, "member 'two' names no targets; in a chain"),
        (
            {"members": [TO_TWO | {"targets": ["vocals"]}] * 2, "combine": "chain"},
            "two members of the chain separate 'vocals'",
        ),
        ({"members": [TO_TWO | {"weights": 2}], "combine": "chain"}, "member 'two' has weights, which a chain"),
        ({"members": [TO_TWO], "targets": ["vocals"], "combine": "chain"}, "targets belongs to the members of a chain"),
        (
            {"members": [TO_TWO, TO_TWO | {"weights": 2}], "combine": "max_magnitude"},
            "max_magnitude uses no weights, expected 0 or the same number for all members of 'accompaniment', got 1, 2",
        ),
        ({"members": [TO_TWO, {"model": "stereo"}], "targets": ["accompaniment"]}, "member 'stereo' has no part"),
        ({"members": [TO_TWO] * 65}, "65 members in all, expected at most 64"),
    ],
)
def test_mistakes_are_one_sentence(content, words):
    path = write(**content)
    with pytest.raises(InputError, match=words) as caught:
        settings_of(read_description(path))
    assert str(caught.value).startswith(str(path.resolve())) and "\n" not in str(caught.value)


def test_longer_loops_and_other_files():
    write("a.json", members=[{"model": "b.json"}])
    write("b.json", members=[TO_TWO, {"model": "a.json"}])
    with pytest.raises(InputError, match="a.json: names itself, .*a.json > .*b.json > .*a.json"):
        read_description(Path("a.json"))
    with pytest.raises(InputError, match="two/config.json: no ensemble, .*; a model is named by its folder, .*two$"):
        read_description(Path("two/config.json"))


def test_exported_models_have_no_part_in_ensembles():
    with zipfile.ZipFile("exported.tflite", "w") as archive:
        archive.writestr("auralflow.json", "{}")
    message = (
        "exported.tflite is an exported model, which separates alone; an ensemble takes the model that it was made"
    )
    with pytest.raises(InputError, match=f"e.json: {message}"):
        read_description(write(members=[{"model": "two"}, {"model": "exported.tflite"}]))
    with pytest.raises(InputError, match=message):
        describe(["exported.tflite", "two"])
