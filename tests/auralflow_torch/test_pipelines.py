import inspect

import numpy as np
import pytest
import soundfile
import torch

import auralflow
import auralflow_torch
from auralflow.cli import main as cli
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import TORCH, TensorFile, write_tensors


@pytest.fixture
def trained(tmp_path, make_model):
    """A model, and the folder that it was saved in."""
    model = make_model(targets=["drums", "vocals"])
    folder = ModelFolder(tmp_path / "my_model")
    folder.save_config(model.config)
    state = {name: tensor.numpy() for name, tensor in model.network.state_dict().items()}
    write_tensors(folder.weights, TensorFile(TORCH, state, model.config, {}))
    return model, folder


def test_the_functions_have_the_commands_arguments():
    _, commands = cli._parsers()
    for name in ("separate", "evaluate"):
        flags = {action.dest: action.default for action in commands[name]._actions if action.dest != "help"}
        known = inspect.signature(getattr(auralflow, name)).parameters
        assert set(known) == set(flags)
        for argument, parameter in known.items():
            assert parameter.default in (flags[argument], inspect.Parameter.empty), argument


def test_separate_writes_what_the_model_estimates(trained, songs, tmp_path):
    model, folder = trained
    song = next(songs.glob("test/*"))
    report = auralflow_torch.separate(folder.path, song, tmp_path / "out", residual=True, duration=0.5)
    assert (report.separated, report.failures, report.audio) == (1, [], 0.5)
    mixture, _ = soundfile.read(song / "mixture.wav", dtype="float32", frames=4000, always_2d=True)
    expected = model.separate(torch.from_numpy(mixture.T))
    for name, stem in zip(model.targets, expected, strict=True):
        written, rate = soundfile.read(tmp_path / "out" / song.name / f"{name}.wav", dtype="float32", always_2d=True)
        assert rate == 8000
        np.testing.assert_allclose(written.T, stem, rtol=0, atol=1e-6)
    assert (tmp_path / "out" / song.name / "residual.wav").exists()


def test_separate_reports_what_failed(trained, songs, tmp_path):
    _, folder = trained
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    song = next(songs.glob("test/*"))
    report = auralflow_torch.separate(str(folder.path), [song, tmp_path / "broken.wav"], tmp_path / "out")
    assert report.separated == 1 and len(report.failures) == 1 and "broken.wav" in report.failures[0]
    with pytest.raises(InputError, match="broken.wav"):
        auralflow_torch.separate(folder.path, tmp_path / "broken.wav", tmp_path / "out")
    with pytest.raises(TypeError, match="durration"):
        auralflow_torch.separate(folder.path, song, durration=3)


def test_evaluate_measures_and_writes_a_table(trained, songs):
    model, folder = trained
    evaluation = auralflow_torch.evaluate(folder.path, songs, split="valid", metrics="sdr")
    assert evaluation.tracks == 1 and evaluation.file == folder.evaluation and folder.evaluation.exists()
    assert {row["target"] for row in evaluation.rows} == set(model.targets) - set(*evaluation.silent.values())
    assert {row["track"] for row in evaluation.summary} == {"mean", "median"}
