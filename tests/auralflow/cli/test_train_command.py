from pathlib import Path

from auralflow.cli.main import main
from auralflow_core.config import from_dict
from auralflow_core.model_folder import ModelFolder


def test_songs_and_train(run, tiny_config):
    assert run("songs", "data", "--tracks", 4, "--seconds", 2, "--seed", 5) == (
        "Wrote 4 songs of 2 s to data (2 train, 1 valid, 1 test).\n"
    )
    before = sorted(Path("data").rglob("*.wav"))
    assert len(before) == 4 * 5
    assert "data: is not empty" in run("songs", "data", fails=True)
    assert "expected at least 3" in run("songs", "other", "--tracks", 2, fails=True)
    ModelFolder("model").save_config(tiny_config)
    assert "epoch   2" in run("train", "model", "data")
    again = run("train", "model", "data")
    assert "epoch   2" not in again and "all 2 epochs are done" in again


def test_train_passes_its_flags_on(run, monkeypatch):
    from auralflow_jax.train import run as train

    calls = []
    monkeypatch.setattr(train, "train", lambda *arguments: calls.append(arguments[:4]))
    Path("another").mkdir()
    ModelFolder("other").save_config(from_dict({"model": {"model_type": "SpectrogramNetLSTM", "depth": 3}}))
    assert "with the settings of other" in run("train", "--from", "other", "model", "--restart", "data")
    made = ModelFolder("model").load_config().model
    assert (made.model_name, made.depth) == ("model", 3)  # pyright: ignore[reportAttributeAccessIssue]
    assert run("train", "model", "data") == ""
    assert run("train", "--from", "other", "model", "data", "more") == ""  # it has settings of its own by now
    assert run("train", "--from", "other", "--from", "another", "model", "data") == ""
    other = Path("other")
    assert calls == [
        ("model", ["data"], True, [other]),
        ("model", ["data"], False, []),
        ("model", ["data", "more"], False, [other]),
        ("model", ["data"], False, [other, Path("another")]),
    ]


def test_train_refuses(run, tiny_config, trained):
    ModelFolder("model").save_config(tiny_config)
    assert "none: no model folder" in run("train", "none", trained.songs, fails=True)
    assert "nowhere: no such folder" in run("train", "model", "nowhere", fails=True)
    assert "did you mean --restart?" in run("train", "model", trained.songs, "--restrat", fails=True)


def test_an_interrupted_run_tells_how_to_go_on(capsys, monkeypatch, tiny_config, trained):
    from auralflow_jax.train import run as train
    from auralflow_jax.train.monitor import Interrupted

    def stop(*arguments):
        raise Interrupted("Stopped at step 1.")

    monkeypatch.setattr(train, "train", stop)
    assert main(["train", "model", str(trained.songs)]) == 130
    assert capsys.readouterr().err == "auralflow: Stopped at step 1.\n"
