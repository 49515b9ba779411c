"""The help of every command, and the ways from what people type to what is meant."""

import re
import subprocess
import sys

import pytest
import soundfile

from auralflow.cli.main import main, make_parser, parse
from auralflow.pretrained.packing import main as pack
from auralflow_core.config.reference import leaves
from auralflow_core.console.parser import nearest
from bridge.cli import main as convert


def commands(parser, path=()):
    """The words of every sub-command, those of sub-commands included."""
    yield path
    for name, child in parser.complete().commands.items():
        yield from commands(child, (*path, name))


@pytest.mark.parametrize("path", list(commands(make_parser())), ids=lambda path: " ".join(path) or "auralflow")
def test_every_command_has_help(path, capsys):
    calls = {"auralflow": lambda: main([*path, "--help"])}
    if not path:
        calls |= {"python -m bridge": lambda: convert(["-h"]), "python -m auralflow.p": lambda: pack(["--help"])}
    for prog, call in calls.items():
        with pytest.raises(SystemExit) as stop:
            call()
        output, error = capsys.readouterr()
        assert stop.value.code == 0 and error == ""
        assert output.startswith(f"usage: {' '.join([prog, *path])}") and "==SUPPRESS==" not in output


def test_help_imports_no_large_package():
    code = """if True:
        import contextlib, io, sys
        from auralflow.cli.main import main
        for argv in ["--help"], ["--version"], ["separate", "--help"], ["train", "--help"], ["evaluate", "--help"]:
            with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
                main(argv)
        print(*{"numpy", "msgspec", "rich", "jax", "torch"} & {*sys.modules})"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_every_setting_has_a_meaning_and_a_default(capsys):
    with pytest.raises(SystemExit):
        main(["config", "--help"])
    shown = capsys.readouterr().out
    for leaf in leaves():
        text = re.split(r"\n  --|\n\n", shown.split(f"\n  --{leaf.name} ", 1)[1])[0]
        assert leaf.meaning.split()[0] in text and "default:" in text, leaf.name
    assert "finds, about 1 (default: 0.001; 0.0005 in BSRoformer" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["config", "m", "--learning_rate", "1"], "did you mean --lr?"),
        (["config", "m", "--learning-rate=1"], "did you mean --lr?"),
        (["train", "m", "d", "--learning_rate", "1"], "`auralflow config MODEL --lr VALUE`"),
        (["train", "m", "d", "--batch-size", "4"], "`auralflow config MODEL --batch_size VALUE`"),
        (["separate", "a.wav", "--out", "x"], "did you mean --save DIR?"),
        (["separate", "a.wav", "--two-stems=vocals"], "did you mean --targets vocals --residual?"),
        (["separate", "mdx_extra", "a.wav"], "no pretrained model of that name; known: auralflow-4stems, "),
        (["evaluate", "spleter-2stems", "d"], "did you mean 'spleeter-2stems'? known: "),
        (["sogns"], "did you mean 'songs'?"),
    ],
)
def test_what_was_meant_is_named(argv, words, capsys, trained):
    soundfile.write("a.wav", [0.1] * 800, 8000)
    argv = [str(trained.songs) if word == "d" else word for word in argv]
    assert main(argv) == 2 and words in capsys.readouterr().err


def test_songs_without_a_command_are_separated():
    for argv in (["song.mp3"], ["umx", "song.mp3"], [".", "--residual"]):
        assert parse(argv).run.__module__ == "auralflow.cli.separate" and parse(argv).inputs


def test_the_nearest_flag():
    known = {"--lr": "learning rate", "--lr_schedule": "course of the learning rate", "--sample_rate": "Hz"}
    assert nearest("--learning_rate", known) == "--lr" and nearest("--sample_rat", known) == "--sample_rate"
    assert nearest("--nothing_like_it", known) is None
