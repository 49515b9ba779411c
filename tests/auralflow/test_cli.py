import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import auralflow
from auralflow import commands
from auralflow.cli import main
from auralflow.config import MODELS, from_dict, template, to_dict
from auralflow.editing import leaves
from auralflow.folder import ModelFolder

CONFIGS = Path(auralflow.__file__).parents[1] / "configs"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    """Runs a command that succeeds, or one that fails with a single sentence; returns what it printed."""
    def run(*argv, fails=False):
        status = main([str(argument) for argument in argv])
        output, error = capsys.readouterr()
        if fails:
            assert (status, output) == (2, "") and error.startswith("auralflow: error: ") and error.count("\n") == 1
            return error
        assert (status, error) == (0, "")
        return output
    return run


def settings(folder="my_model"):
    return json.loads((Path(folder) / "config.json").read_text())


def python(code):
    environment = os.environ | {"PYTHONPATH": str(CONFIGS.parent)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)


# config


@pytest.mark.parametrize("model_type", MODELS)
def test_templates_hold_every_default(model_type):
    defaults = json.loads(json.dumps(to_dict(template(model_type))))
    assert json.loads((CONFIGS / f"{model_type}.json").read_text()) == defaults


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
        "config", "my_model", "AudioNetVAE", "--preset", "tini", fails=True)
    run("config", "my_model", "AudioNetVAE")
    assert "exists already, and preset 'tiny' is of new folders" in run(
        "config", "my_model", "--preset", "tiny", fails=True)


def test_config_makes_a_folder(run):
    assert run("config", "my_model", "SpectrogramNetSimple") == (
        "Wrote my_model/config.json (SpectrogramNetSimple).\n")
    expected = json.loads((CONFIGS / "SpectrogramNetSimple.json").read_text())
    expected["model"]["model_name"] = "my_model"
    assert settings() == expected


def test_config_names_model_and_folder(run):
    run("config", "ignored", "SpectrogramNetSimple", "--save", "deep/down", "--name", "Vocal model", "--lr", "0.5")
    made = settings("deep/down/Vocal model")
    assert (made["model"]["model_name"], made["training"]["lr"]) == ("Vocal model", 0.5)
    assert not Path("deep/down/ignored").exists()
    assert "exists already" in run("config", "other", "SpectrogramNetSimple", "--save", "deep/down",
                                   "--name", "Vocal model", fails=True)
    assert "cannot be a folder's name" in run("config", "other", "SpectrogramNetSimple", "--name", "a/b", fails=True)


def test_config_edits_in_place_and_resets_nothing(run):
    run("config", "my_model", "SpectrogramNetSimple", "--hidden_channels", 4, "--remix", "false")
    before = settings()
    assert run("config", "my_model", "--mask-activation", "relu", "--dropout_p=0.4", "--name", "new") == (
        "Changed my_model/config.json:\n  model_name: my_model -> new\n  mask_activation: sigmoid -> relu\n"
        "  dropout_p: 0.0 -> 0.4\n")
    before["model"] |= {"mask_activation": "relu", "dropout_p": 0.4, "model_name": "new"}
    assert settings() == before
    assert run("config", "my_model", "SpectrogramNetSimple") == "my_model/config.json: nothing to change.\n"
    assert settings() == before


@pytest.mark.parametrize("values", [["vocals", "drums"], ["vocals,drums"], ["vocals,", "drums"]])
def test_config_takes_lists(run, values):
    run("config", "my_model", "SpectrogramNetSimple", "--targets", *values, "--display")
    assert settings()["model"]["targets"] == ["drums", "vocals"]


def test_config_takes_negative_numbers_none_and_dicts(run):
    run("config", "my_model", "SpectrogramNetSimple", "--silence_db", "-42.5", "--samples-per-epoch", "7",
        "--shares", "1", "2.5",
        "--sources", '{"band-less": ["bass", "drums"]}')
    run("config", "my_model", "--samples_per_epoch", "none")
    dataset = settings()["dataset"]
    assert (dataset["silence_db"], dataset["samples_per_epoch"], dataset["shares"]) == (-42.5, None, [1.0, 2.5])
    assert dataset["sources"] == {"band-less": ["bass", "drums"]}


def test_every_key_is_a_flag_and_is_displayed(run):
    displayed = {line.split()[0] for line in run("config", "my_model", "SpectrogramNetSimple", "--display").split("\n")
                 if line and line[0] != " "}
    keys = {leaf.name for leaf in leaves()}
    for group in settings().values():
        for key, value in group.items():
            assert key in displayed
            if key != "model_type":
                assert key in keys
                text = ",".join(value) if isinstance(value, list) else json.dumps(value).strip('"')
                run("config", "my_model", f"--{key}", text)
    assert from_dict(settings()).training == template("SpectrogramNetSimple").training


@pytest.mark.parametrize(("flags", "words"), [
    (["--mask_activtion", "relu"], "unknown flag --mask_activtion of auralflow config; did you mean --mask_activation"),
    (["--mask", "relu"], "unknown flag --mask of"),
    (["--mask_activation", "rellu"], "mask_activation"), (["--remix", "yes"], "dataset.remix: expected `true` or"),
    (["--lr", "-1"], "training.lr"), (["--lr"], "argument --lr: expected one argument"),
    (["--batch_size", "2.5"], "training.batch_size"), (["--shares", "1,x"], "dataset.shares: expected `float`"),
    (["--shares", "1,0"], "dataset.shares: expected `float` > 0"),
 (["--hop_length", "4096"], "hop_length (4096) must not exceed"),
    (["SpectrogramNetLSTM"], "cannot become a SpectrogramNetLSTM"),
    (["SpectrogramNetSimpl"], "did you mean 'SpectrogramNetSimple'"),
    (["SpectrogramNetSimple", "more"], "unrecognized arguments: more")])
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


# songs, train


def test_songs_and_train(run, tiny_config):
    assert run("songs", "data", "--tracks", 4, "--seconds", 2, "--seed", 5) == (
        "Wrote 4 songs of 2 s to data (2 train, 1 valid, 1 test).\n")
    before = sorted(Path("data").rglob("*.wav"))
    assert len(before) == 4 * 5
    assert "data: is not empty" in run("songs", "data", fails=True)
    assert "expected at least 3" in run("songs", "other", "--tracks", 2, fails=True)
    ModelFolder("model").save_config(tiny_config)
    assert "epoch   2" in run("train", "model", "data")
    again = run("train", "model", "data")
    assert "epoch   2" not in again and "all 2 epochs are done" in again


def test_train_passes_its_flags_on(run, monkeypatch):
    from auralflow_jax import train

    calls = []
    monkeypatch.setattr(train, "train", lambda *arguments: calls.append(arguments))
    ModelFolder("other").save_config(from_dict({"model": {"model_type": "SpectrogramNetLSTM", "depth": 3}}))
    assert "with the settings of other" in run("train", "--from", "other", "model", "--restart", "data")
    assert (settings("model")["model"]["model_name"], settings("model")["model"]["depth"]) == ("model", 3)
    assert run("train", "model", "data") == ""
    assert run("train", "--from", "other", "model", "data", "more") == ""  # it has settings of its own by now
    assert run("train", "--from", "other", "--from", "another", "model", "data") == ""
    other = Path("other")
    assert calls == [("model", ["data"], True, [other]), ("model", ["data"], False, []),
                     ("model", ["data", "more"], False, [other]),
                     ("model", ["data"], False, [other, Path("another")])]


def test_train_refuses(run, tiny_config, trained):
    ModelFolder("model").save_config(tiny_config)
    assert "none: no model folder" in run("train", "none", trained.songs, fails=True)
    assert "nowhere: no such folder" in run("train", "model", "nowhere", fails=True)
    assert "did you mean --restart?" in run("train", "model", trained.songs, "--restrat", fails=True)


def test_an_interrupted_run_tells_how_to_go_on(capsys, monkeypatch, tiny_config, trained):
    from auralflow_jax import train
    from auralflow_jax.monitor import Interrupted

    def stop(*arguments):
        raise Interrupted("Stopped at step 1.")

    monkeypatch.setattr(train, "train", stop)
    assert main(["train", "model", str(trained.songs)]) == 130
    assert capsys.readouterr().err == "auralflow: Stopped at step 1.\n"


# separate


def test_separate_writes_stems(run, trained):
    [track] = (trained.songs / "test").iterdir()
    soundfile.write("mono.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 22050), 22050)
    output = run("separate", trained.model.path, track, "mono.flac", "--residual", "--bits", 16, "--duration", 0.75)
    assert "Separated 1.5 s of audio in" in output and "x real time); the stems are in separated." in output
    files = sorted(Path("separated").rglob("*.wav"))
    assert [str(file) for file in files] == [
        f"separated/{name}/{stem}.wav" for name in ("mono", track.name) for stem in ("residual", "vocals")]
    for file, rate, channels in zip(files, (22050, 22050, 8000, 8000), (1, 1, 2, 2), strict=True):
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (rate, channels, "PCM_16")
        assert info.frames == round(0.75 * rate)


def test_separate_is_what_the_library_does(run, trained):
    from auralflow_jax.separation import load, separate

    [track] = (trained.songs / "test").iterdir()
    run("separate", trained.model.path, track / "mixture.wav", "--save", "out", "--overlap", 0.25)
    mixture, rate = soundfile.read(track / "mixture.wav", dtype="float32")
    expected = separate(load(trained.model.path), mixture.T, rate, overlap=0.25)[0]
    np.testing.assert_array_equal(soundfile.read("out/mixture/vocals.wav", dtype="float32")[0].T, expected)
    run("separate", trained.model.path, track / "mixture.wav", "--save", "fine", "--shifts", 2, "--wiener",
        "--filename", "{stem}.{ext}", "--format", "flac")
    expected = separate(load(trained.model.path), mixture.T, rate, shifts=2, wiener=1)[0]
    written = soundfile.read("fine/vocals.flac", dtype="float32")[0].T
    np.testing.assert_allclose(written, expected, rtol=0, atol=2.0**-24)


@pytest.mark.parametrize("samples", [1, 80, 2 * 22050])
def test_separate_takes_short_files(run, trained, samples):
    soundfile.write("short.wav", np.full(samples, 0.1), 22050)
    run("separate", trained.model.path, "short.wav")
    assert soundfile.info("separated/short/vocals.wav").frames == samples


def test_separate_refuses_before_anything_is_written(run, trained):
    soundfile.write("good.wav", np.full(800, 0.1), 8000)
    Path("text.wav").write_text("no audio at all, but a sentence")
    Path("cut.wav").write_bytes(Path("good.wav").read_bytes()[:500])
    Path("empty").mkdir()
    ModelFolder("untrained").save_config(template("SpectrogramNetSimple"))
    model = trained.model.path
    for argv, words in ((("text.wav",), "text.wav: no audio file"), (("cut.wav",), "cut.wav: truncated"),
                        (("none.wav",), "no such file"), (("empty",), "empty: holds no audio"),
                        (("good.wav", "--start", 2), "only 0.100 s long"),
                        (("good.wav", "--duration", -1), "duration is -1.0 s"),
                        (("good.wav", "--bits", 8), "wav has no 8 bits; expected 16 or 24 or 32"),
                        (("good.wav", "--bits", 16, "--clip", "none"), "expected 32 bits, clamp or rescale"),
                        (("good.wav", "--format", "mp3", "--bits", 16), "mp3 has no 16 bits; expected a bitrate"),
                        (("good.wav", "--format", "mp3", "--bitrate", 90), "no bitrate of 90 kbit/s"),
                        (("good.wav", "--format", "aac"), "unknown format 'aac'"),
                        (("good.wav", "--bitrate", 128), "wav takes no bitrate"),
                        (("good.wav", "--filename", "{name}.{ext}"), "unknown field {name}"),
                        (("good.wav", "--targets", "voice"), "unknown target 'voice'"),
                        (("good.wav", "--shifts", 0), "shifts is 0, expected 1 or more"),
                        (("good.wav", "--consistency"), "'vocals', the model's only one"),
                        (("good.wav", "--residual", "--filename", "{track}.{ext}"), "expected one with {stem}"),
                        (("good.wav", "--overlap", 0.7), "0 to 0.5")):
        assert words in run("separate", model, *argv, fails=True)
    assert "untrained: the model is not trained yet" in run("separate", "untrained", "good.wav", fails=True)
    assert "no model folder" in run("separate", "nowhere", "good.wav", fails=True)
    assert not Path("separated").exists()


def test_separate_does_what_it_can(trained, capsys):
    for name in ("one", "two"):
        soundfile.write(f"{name}.wav", np.full(8000, 0.1), 8000)
    Path("text.wav").write_text("no audio at all, but a sentence")
    arguments = ["separate", str(trained.model.path), "one.wav", "text.wav", "two.wav", "none.wav"]
    assert main([*arguments[:2], "one.wav"]) == 0
    capsys.readouterr()
    assert main(arguments) == 1
    output, error = capsys.readouterr()
    assert output.startswith("Separated 1.0 s of audio in ")
    first, *lines = error.splitlines()
    assert first == "auralflow: 3 of 4 could not be separated:"
    for line, words in zip(lines, ("  text.wav: no audio", "  none.wav: no such", "  one.wav: not separated, "),
                           strict=True):
        assert line.startswith(words)
    assert {str(path) for path in Path("separated").rglob("*.wav")} == {
        "separated/one/vocals.wav", "separated/two/vocals.wav"}
    assert main([*arguments[:2], "one.wav"]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert main([*arguments[:2], "one.wav", "--overwrite"]) == 0


@pytest.mark.parametrize("number, word", [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_separate_can_be_interrupted(trained, number, word):
    soundfile.write("long.flac", np.random.default_rng(0).uniform(-0.1, 0.1, 8000 * 3600), 8000)
    command = [sys.executable, "-m", "auralflow", "separate", str(trained.model.path), "long.flac"]
    environment = os.environ | {"PYTHONPATH": str(CONFIGS.parent)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
    try:
        while not (written := list(Path("separated").rglob("*.wav"))) or written[0].stat().st_size < 100_000:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.communicate(timeout=60)[1] == f"auralflow: {word}\n" and process.returncode == 130
    finally:
        process.kill()
    assert [path for path in Path("separated").rglob("*") if path.is_file()] == []


def test_separate_takes_flags_between_its_inputs(run, trained):
    for name in ("a", "b"):
        soundfile.write(f"{name}.wav", np.full(800, 0.1), 8000)
    run("separate", trained.model.path, "a.wav", "--residual", "b.wav")
    assert len(list(Path("separated").rglob("*.wav"))) == 4


# evaluate


def test_evaluate_writes_a_table(run, trained):
    output = run("evaluate", trained.model.path, trained.songs)
    rows = list(csv.DictReader(open(trained.model.evaluation, encoding="utf-8")))
    assert [(row["track"], row["estimate"]) for row in rows][-6:] == [
        (track, kind) for track in ("mean", "median") for kind in ("model", "mixture", "ideal_mask")]
    assert list(rows[0]) == ["track", "target", "estimate", "si_sdr", "sdr", "si_sdr_improvement",
                             "bss_sdr", "bss_sir", "bss_isr", "bss_sar"]
    for row in rows:
        assert f"{float(row['si_sdr']):.2f}" in output and f"{float(row['bss_sar']):.2f}" in output
    assert "evaluation.csv: 1 track of test." in output


def test_evaluate_compares_models_on_a_page(run, trained):
    for name in ("first", "second"):
        shutil.copytree(trained.model.path, name, ignore=shutil.ignore_patterns("evaluation.csv", "report.html"))
    arguments = ("evaluate", "first", trained.songs, "--metrics", "sdr", "--compare", "second")
    output = run(*arguments, "--no-report")
    assert "Wrote first/evaluation.csv, second/evaluation.csv: 1 track of test." in output
    assert not Path("first/report.html").exists()
    output = run(*arguments)
    assert f"Open {Path('first/report.html').resolve()} in a browser." in output
    assert "second" in Path("first/report.html").read_text() and not Path("second/report.html").exists()
    assert Path("first/evaluation.csv").read_text() == Path("second/evaluation.csv").read_text()
    assert "first: is given twice" in run(*arguments, "first", fails=True)
    assert "no model folder" in run("evaluate", "first", trained.songs, "--compare", "third", fails=True)


def test_evaluate_leaves_silent_targets_out(run, trained):
    shutil.copytree(trained.songs, "songs")
    [track] = Path("songs/test").iterdir()
    vocals, rate = soundfile.read(track / "vocals.wav")
    soundfile.write(track / "vocals.wav", 0 * vocals, rate)
    shutil.copytree(trained.model.path, "model")
    output = run("evaluate", "model", "songs", "--metrics", "sdr")
    assert f"Left out, silent: vocals of {track.name}." in output
    assert Path("model/evaluation.csv").read_text().count("\n") == 1


def test_evaluate_shows_aggregates_alone_of_many_tracks(run, trained, monkeypatch):
    monkeypatch.setattr(commands, "FEW", 0)
    [track] = (trained.songs / "test").iterdir()
    output = run("evaluate", trained.model.path, trained.songs, "--metrics", "sdr")
    assert track.name not in output and "median" in output and track.name in trained.model.evaluation.read_text()


def test_evaluate_refuses(run, trained, monkeypatch):
    assert "has no folder 'tset'" in run("evaluate", trained.model.path, trained.songs, "--split", "tset", fails=True)
    assert "choose from" in run("evaluate", trained.model.path, trained.songs, "--metrics", "bss", fails=True)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "ffmpeg" in run("evaluate", trained.model.path, trained.songs, "--metrics", "museval", fails=True)
    shutil.copytree(trained.songs, "songs")
    [track] = Path("songs/test").iterdir()
    (track / "vocals.wav").unlink()
    assert "unknown target 'vocals'" in run("evaluate", trained.model.path, "songs", fails=True)


# the command itself


def test_help_and_version(capsys):
    for argv in ([], ["--help"], ["config", "--help"]):
        with pytest.raises(SystemExit) as stop:
            main(argv)
        assert stop.value.code == 0 and "usage: auralflow" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out == f"auralflow {auralflow.__version__}\n"


def test_unknown_commands_and_flags(run):
    assert "unknown command 'trian'; did you mean 'train'?" in run("trian", "my_model", fails=True)
    assert "did you mean --version?" in run("--verison", fails=True)
    assert "required: DATASET" in run("train", "my_model", fails=True)


def test_frameworks_stay_out_until_they_are_needed():
    code = """
import sys, auralflow
print(*sorted(module for module in ("numpy", "jax", "torch") if module in sys.modules))
from auralflow.cli import main
assert main(["config", "my_model", "SpectrogramNetSimple", "--display"]) == 0
print(*sorted({"jax", "flax", "torch", "soundfile", "matplotlib"} & set(sys.modules)))
"""
    result = python(code)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.split("\n")
    assert lines[0] == "" and lines[-2] == ""


def test_a_reader_that_stops_reading_is_no_error():
    code = "import sys; from auralflow.cli import main; sys.exit(main(['config', 'm', 'SpectrogramNetSimple']))"
    environment = os.environ | {"PYTHONPATH": str(CONFIGS.parent)}
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, env=environment)
    os.close(writer)
    assert result.stderr == b""


def test_ctrl_c_and_the_operating_system(capsys, monkeypatch, run):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    Path("file").write_text("")
    assert "file/my_model" in run("config", "my_model", "SpectrogramNetSimple", "--save", "file", fails=True)
    monkeypatch.setattr("auralflow.editing.configure", interrupt)
    assert main(["config", "my_model", "SpectrogramNetSimple"]) == 130
    assert capsys.readouterr().err == "auralflow: interrupted\n"


def test_the_package_names_what_it_offers():
    assert auralflow.ModelFolder is ModelFolder
    for name in auralflow.__all__:
        assert getattr(auralflow, name) is not None and name in dir(auralflow)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = auralflow.nothing
