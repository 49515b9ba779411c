"""Each optimizer by the command: an interrupted run, its end, its stems, and what the bridge says of it."""

import os
import signal

import numpy as np
import pytest
import soundfile
from roformer_files import MEL

from auralflow.cli.main import main
from auralflow_core.config import from_dict
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.train.progress import Progress

SETTINGS = {
    "adamw": {},
    "muon": {},
    "prodigy": {"lr": 1.0},
    "schedule_free_adamw": {"lr_schedule": "constant", "ema_decay": 0.0},
}


def config_of(optimizer):
    """A Mel-Band RoFormer of some thousand parameters that takes four steps in two epochs."""
    training = {"max_epochs": 2, "batch_size": 2, "warmup_steps": 1} | SETTINGS[optimizer] | {"optimizer": optimizer}
    return from_dict(
        {
            "model": MEL | {"model_name": "m", "num_channels": 1, "dropout_p": 0.1},
            "dataset": {"sample_length": 0.2, "samples_per_epoch": 4, "validation_length": 0.2},
            "training": training,
            "visualizer": {"num_snippets": 0, "tensorboard": False},
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", SETTINGS)
def test_a_run_that_is_interrupted_ends_with_the_same_bits_and_separates(
    optimizer, tmp_path, songs, outcome, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for name in ("whole", "halted"):
        ModelFolder(name).save_config(config_of(optimizer))
    command = ["train", "halted", str(songs)]
    assert main(["train", "whole", str(songs)]) == 0
    show = Progress.step

    def interrupt(self, run, done, end):
        show(self, run, done, end)
        if done == 3:  # the first of the second epoch
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "step", interrupt)
        assert main(command) == 130
    assert "Stopped at step 3, which is saved" in capsys.readouterr().err
    assert main(command) == 0 and "Going on after step 3" in capsys.readouterr().out
    found, expected = outcome(ModelFolder("halted")), outcome(ModelFolder("whole"))
    assert found == expected and len(found["history"]) == 2

    song = np.random.default_rng(0).uniform(-0.5, 0.5, 4000)
    soundfile.write("song.wav", song, 8000)
    assert main(["separate", "halted", "song.wav", "--save", "stems"]) == 0
    (stem,) = [path for path in (tmp_path / "stems").rglob("*") if path.is_file()]
    vocals, _ = soundfile.read(stem)
    assert len(vocals) == len(song) and np.abs(vocals).max() > 1e-4 and np.abs(vocals - song).max() > 1e-2

    capsys.readouterr()
    status = main(["convert", "to-torch", "halted", "--training", "-o", "run.safetensors"])
    assert (status, (tmp_path / "run.safetensors").exists()) == ((0, True) if optimizer == "adamw" else (2, False))
    if optimizer != "adamw":
        assert f"training.optimizer is {optimizer}" in capsys.readouterr().err
        assert main(["convert", "to-torch", "halted", "-o", "weights.safetensors"]) == 0  # weights alone go over
