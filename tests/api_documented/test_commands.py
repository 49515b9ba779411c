"""The documented commands, in their order."""

import json
from pathlib import Path

import soundfile
import torch

# Settings that make the documented way short: a network of a few hundred parameters that sees two short crops.
SMALL = {
    "sample_rate": 8000,
    "num_fft": 256,
    "window_size": 256,
    "hop_length": 96,
    "num_bins": 128,
    "hidden_channels": 1,
    "depth": 1,
    "sample_length": 1,
    "samples_per_epoch": 2,
    "max_epochs": 1,
    "batch_size": 1,
    "num_snippets": 1,
    "snippet_length": 1,
}


def test_from_a_template_to_stems(run, change, dataset):
    run("config", "my_model", "SpectrogramNetSimple", "--save", "path/to/save")
    folder = Path("path/to/save/my_model")
    assert json.loads((folder / "config.json").read_text())["model"]["model_type"] == "SpectrogramNetSimple"

    shown = run("config", folder, "--mask_activation", "relu", "--dropout_p", "0.4", "--display")
    assert all(text in shown for text in ("mask_activation", "relu", "dropout_p", "0.4"))
    settings = json.loads((folder / "config.json").read_text())["model"]
    assert (settings["mask_activation"], settings["dropout_p"]) == ("relu", 0.4)

    change(folder / "config.json", **SMALL)
    run("train", folder, dataset)
    song = next(dataset.glob("test/*"))
    run("separate", folder, song, "--residual", "--duration", "90", "--save", "path/to/output")
    length = soundfile.info(song / "mixture.wav").frames
    for stem in ("vocals", "residual"):
        assert soundfile.info(f"path/to/output/my_model/{song.name}/{stem}.wav").frames == length  # shorter than 90 s

    run("evaluate", folder, dataset, "--metrics", "sdr")
    documented = {"audio", "config.json", "checkpoint", "evaluation.csv", "images", "runs"}
    visible = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert visible == documented | {"report.html", "evaluation.json"}
    for name in documented - {"config.json", "evaluation.csv"}:
        assert any((folder / name).iterdir())

    from auralflow import utils
    from auralflow.models import SpectrogramMaskModel

    assert utils.load_config(folder / "config.json")["model"]["targets"] == ["vocals"]
    assert SpectrogramMaskModel.from_pretrained(folder).separate(torch.rand(1, 9000)).shape == (1, 9000)


def test_the_model_is_named_with_a_flag_too(run):
    run("config", "any", "SpectrogramNetSimple", "--name", "my_model")
    assert json.loads(Path("my_model/config.json").read_text())["model"]["model_name"] == "my_model"
