import json
from pathlib import Path

import pytest

import auralflow
from auralflow_core.config import MODELS, from_dict, template, to_dict
from auralflow_core.config.reference import leaves

CONFIGS = Path(auralflow.__file__).parents[1] / "configs"


def settings(folder="my_model"):
    return json.loads((Path(folder) / "config.json").read_text())


@pytest.mark.parametrize("model_type", MODELS)
def test_templates_hold_every_default(model_type):
    defaults = json.loads(json.dumps(to_dict(template(model_type))))
    assert json.loads((CONFIGS / "models" / f"{model_type}.json").read_text()) == defaults


@pytest.mark.parametrize("model_type", MODELS)
def test_every_model_has_a_tiny_preset(run, model_type):
    run("config", "my_model", model_type, "--preset", "tiny", "--lr", "0.25")
    preset = json.loads((CONFIGS / "tiny" / f"{model_type}.json").read_text())
    preset["training"]["lr"] = 0.25
    defaults = to_dict(template(model_type))
    defaults["model"]["model_name"] = "my_model"
    assert settings() == {group: values | preset.get(group, {}) for group, values in defaults.items()}


def test_presets_are_of_new_folders(run):
    assert "unknown preset 'tini' of AudioNetVAE; did you mean 'tiny'? known: tiny" in run(
        "config", "my_model", "AudioNetVAE", "--preset", "tini", fails=True
    )
    run("config", "my_model", "AudioNetVAE")
    assert "exists already, and preset 'tiny' is for new folders only" in run(
        "config", "my_model", "--preset", "tiny", fails=True
    )


def test_config_makes_a_folder(run):
    assert run("config", "my_model", "SpectrogramNetSimple") == ("Wrote my_model/config.json (SpectrogramNetSimple).\n")
    expected = json.loads((CONFIGS / "models" / "SpectrogramNetSimple.json").read_text())
    expected["model"]["model_name"] = "my_model"
    assert settings() == expected


def test_config_names_model_and_folder(run):
    run("config", "ignored", "SpectrogramNetSimple", "--save", "deep/down", "--name", "Vocal model", "--lr", "0.5")
    made = settings("deep/down/Vocal model")
    assert (made["model"]["model_name"], made["training"]["lr"]) == ("Vocal model", 0.5)
    assert not Path("deep/down/ignored").exists()
    assert "exists already" in run(
        "config", "other", "SpectrogramNetSimple", "--save", "deep/down", "--name", "Vocal model", fails=True
    )
    assert "cannot be a folder's name" in run("config", "other", "SpectrogramNetSimple", "--name", "a/b", fails=True)


def test_config_edits_in_place_and_resets_nothing(run):
    run("config", "my_model", "SpectrogramNetSimple", "--hidden_channels", 4, "--remix", "false")
    before = settings()
    assert run("config", "my_model", "--mask-activation", "relu", "--dropout_p=0.4", "--name", "new") == (
        "Changed my_model/config.json:\n  model_name: my_model -> new\n  mask_activation: sigmoid -> relu\n"
        "  dropout_p: 0.0 -> 0.4\n"
    )
    before["model"] |= {"mask_activation": "relu", "dropout_p": 0.4, "model_name": "new"}
    assert settings() == before
    assert run("config", "my_model", "SpectrogramNetSimple") == "my_model/config.json: nothing to change.\n"
    assert settings() == before


@pytest.mark.parametrize("values", [["vocals", "drums"], ["vocals,drums"], ["vocals,", "drums"]])
def test_config_takes_lists(run, values):
    run("config", "my_model", "SpectrogramNetSimple", "--targets", *values, "--display")
    assert settings()["model"]["targets"] == ["drums", "vocals"]


def test_config_takes_negative_numbers_none_and_dicts(run):
    run(
        "config",
        "my_model",
        "SpectrogramNetSimple",
        "--silence_db",
        "-42.5",
        "--samples-per-epoch",
        "7",
        "--shares",
        "1",
        "2.5",
        "--sources",
        '{"band-less": ["bass", "drums"]}',
    )
    run("config", "my_model", "--samples_per_epoch", "none")
    dataset = settings()["dataset"]
    assert (dataset["silence_db"], dataset["samples_per_epoch"], dataset["shares"]) == (-42.5, None, [1.0, 2.5])
    assert dataset["sources"] == {"band-less": ["bass", "drums"]}


def test_every_key_is_a_flag_and_is_displayed(run):
    displayed = {
        line.split()[0]
        for line in run("config", "my_model", "SpectrogramNetSimple", "--display").split("\n")
        if line and line[0] != " "
    }
    keys = {leaf.name for leaf in leaves()}
    for group in settings().values():
        for key, value in group.items():
            assert key in displayed
            if key != "model_type":
                assert key in keys
                text = ",".join(value) if isinstance(value, list) else json.dumps(value).strip('"')
                run("config", "my_model", f"--{key}", text)
    assert from_dict(settings()).training == template("SpectrogramNetSimple").training


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            ["--mask_activtion", "relu"],
            "unknown flag --mask_activtion of auralflow config; did you mean --mask_activation",
        ),
        (["--mask", "relu"], "unknown flag --mask of"),
        (["--mask_activation", "rellu"], "mask_activation"),
        (["--remix", "yes"], "dataset.remix: expected `true` or"),
        (["--lr", "-1"], "training.lr"),
        (["--lr"], "argument --lr: expected one argument"),
        (["--batch_size", "2.5"], "training.batch_size"),
        (["--shares", "1,x"], "dataset.shares: expected `float`"),
        (["--shares", "1,0"], "dataset.shares: expected `float` > 0"),
        (["--hop_length", "4096"], "hop_length (4096) must not exceed"),
        (["SpectrogramNetLSTM"], "cannot become a SpectrogramNetLSTM"),
        (["SpectrogramNetSimpl"], "did you mean 'SpectrogramNetSimple'"),
        (["SpectrogramNetSimple", "more"], "unrecognized arguments: more"),
    ],
)
def test_config_refuses_and_changes_nothing(run, flags, words):
    run("config", "my_model", "SpectrogramNetSimple")
    before = Path("my_model/config.json").read_bytes()
    assert words in run("config", "my_model", *flags, fails=True)
    assert Path("my_model/config.json").read_bytes() == before


def test_config_needs_a_template_for_a_new_folder(run):
    assert "SpectrogramNetSimple" in run("config", "my_model", "--lr", 1, fails=True)
    assert not Path("my_model").exists()


def test_config_reports_a_broken_file(run):
    Path("my_model").mkdir()
    Path("my_model/config.json").write_text('{"model": ')
    assert "my_model/config.json: not valid JSON at line 1" in run("config", "my_model", "--lr", 1, fails=True)
