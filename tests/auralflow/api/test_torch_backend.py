"""The commands as functions, with torch as the framework."""

import inspect

import numpy as np
import pytest
import soundfile
import torch

import auralflow
from auralflow.cli import evaluate as evaluate_command
from auralflow.cli import separate as separate_command
from auralflow.songs import make_songs
from auralflow_core.console.parser import Parser
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_torch.models import create_model


@pytest.fixture
def songs(tmp_path):
    """Three generated songs of two seconds, one in each split."""
    make_songs(tmp_path / "songs", tracks=3, seconds=2, sample_rate=8000)
    return tmp_path / "songs"


@pytest.fixture
def trained(tmp_path):
    """A model, and the folder that it was saved in."""
    torch.manual_seed(0)
    front_end = {"sample_rate": 8000, "num_fft": 64, "window_size": 64, "hop_length": 24, "num_bins": 29}
    network = {"model_type": "SpectrogramNetSimple", "targets": ["drums", "vocals"], "hidden_channels": 2, "depth": 1}
    model = create_model({"model": network | front_end, "dataset": {"sample_length": 0.075}})
    model.save(tmp_path / "my_model")
    return model, ModelFolder(tmp_path / "my_model")


@pytest.mark.parametrize(("name", "command"), [("separate", separate_command), ("evaluate", evaluate_command)])
def test_the_functions_have_the_commands_arguments(name, command):
    parser = Parser()
    command.add_arguments(parser)
    flags = {action.dest: action.default for action in parser._actions if action.dest != "help"}
    known = inspect.signature(getattr(auralflow, name)).parameters
    assert set(known) == set(flags)
    for argument, parameter in known.items():
        default = tuple(flags[argument]) if isinstance(flags[argument], list) else flags[argument]
        assert parameter.default in (default, inspect.Parameter.empty), argument


def test_separate_writes_what_the_model_estimates(trained, songs, tmp_path):
    model, folder = trained
    song = next(songs.glob("test/*"))
    report = auralflow.separate(folder.path, song, tmp_path / "out", residual=True, duration=0.5, backend="torch")
    assert (report.separated, report.failures, report.audio) == (1, [], 0.5)
    mixture, _ = soundfile.read(song / "mixture.wav", dtype="float32", frames=4000, always_2d=True)
    expected = model.separate(torch.from_numpy(mixture.T))
    stems = tmp_path / "out" / folder.name / song.name
    for name, stem in zip(model.targets, expected, strict=True):
        written, rate = soundfile.read(stems / f"{name}.wav", dtype="float32", always_2d=True)
        assert rate == 8000
        np.testing.assert_allclose(written.T, stem, rtol=0, atol=1e-6)
    assert (stems / "residual.wav").exists()


def test_separate_reports_what_failed(trained, songs, tmp_path):
    _, folder = trained
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    song = next(songs.glob("test/*"))
    report = auralflow.separate(str(folder.path), [song, tmp_path / "broken.wav"], tmp_path / "out", backend="torch")
    assert report.separated == 1 and len(report.failures) == 1 and "broken.wav" in report.failures[0]
    with pytest.raises(InputError, match="broken.wav"):
        auralflow.separate(folder.path, tmp_path / "broken.wav", tmp_path / "out", backend="torch")
    with pytest.raises(TypeError, match="durration"):
        auralflow.separate(folder.path, song, durration=3)


def test_evaluate_measures_and_writes_a_table(trained, songs):
    model, folder = trained
    evaluation = auralflow.evaluate(folder.path, songs, split="valid", metrics="sdr", backend="torch")
    assert evaluation.tracks == 1 and evaluation.file == folder.evaluation and folder.evaluation.exists()
    assert {row["target"] for row in evaluation.rows} == set(model.targets) - set(*evaluation.silent.values())
    assert evaluation.summary == []  # of a single track
