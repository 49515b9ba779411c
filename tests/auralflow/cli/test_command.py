import os
import subprocess
import sys
from pathlib import Path

import pytest

import auralflow
from auralflow.cli.main import main
from auralflow_core.model_folder import ModelFolder


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


def test_frameworks_stay_out_until_they_are_needed(environment):
    code = """
import sys, auralflow
print(*sorted(module for module in ("numpy", "jax", "torch") if module in sys.modules))
from auralflow.cli.main import main
assert main(["config", "my_model", "SpectrogramNetSimple", "--display"]) == 0
print(*sorted({"jax", "flax", "torch", "soundfile", "matplotlib"} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.split("\n")
    assert lines[0] == "" and lines[-2] == ""


def test_a_reader_that_stops_reading_is_no_error(environment):
    code = "import sys; from auralflow.cli.main import main; sys.exit(main(['config', 'm', 'SpectrogramNetSimple']))"
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
    monkeypatch.setattr("auralflow.api.configure.configure", interrupt)
    assert main(["config", "my_model", "SpectrogramNetSimple"]) == 130
    assert capsys.readouterr().err == "auralflow: interrupted\n"


def test_the_package_names_what_it_offers():
    assert auralflow.ModelFolder is ModelFolder
    for name in auralflow.__all__:
        assert getattr(auralflow, name) is not None and name in dir(auralflow)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = auralflow.nothing


def test_empty_names_are_not_the_current_folder(run, tiny_config):
    """A variable of the shell that has no value gives one."""
    ModelFolder("model").save_config(tiny_config)
    to_file = ["convert", "to-torch", "model", "-o", ""]
    for arguments in (
        ["separate", "model", ""],
        ["train", "model", ""],
        ["evaluate", "", "songs"],
        ["inspect", ""],
        to_file,
    ):
        assert "is empty, expected a name" in run(*arguments, fails=True)
    for flag in (["--save", ""], ["--save="], ["--adapter", ""]):
        assert f"{flag[0].strip('=')} is empty, expected a name" in run("separate", "model", "a.wav", *flag, fails=True)
    assert "unknown command ''" in run("", fails=True)


def test_a_refused_setting_leaves_no_folder(run, tiny_config):
    ModelFolder("other").save_config(tiny_config)
    for rank in ("-1", "x", "99999999999999999999"):
        assert "lora_rank" in run("train", "new", "songs", "--from", "other", "--lora_rank", rank, fails=True)
        assert not Path("new").exists()
    Path("song.wav").write_bytes(b"RIFF")
    assert "song.wav: is a file, where a model folder is expected" in run(
        "train", "new", "songs", "--from", "song.wav", fails=True
    )
