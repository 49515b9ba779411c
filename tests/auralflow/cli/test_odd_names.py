"""Songs, tracks and folders whose names are unusual, from the command line."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from html_page import Page

from auralflow.cli.main import main

pytestmark = pytest.mark.skipif(os.uname().sysname == "Darwin", reason="its file system checks names")
MANY = ["caf\udce9", "Song [live] [b]x", "a :smile: b", "[red]", "音", "$x$", "a\nb", "\x1b[31m", "<b>&amp;", "=1+1"]


def noise(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.random.default_rng(seed).uniform(-0.3, 0.3, (8000, 1))
    with open(path, "wb") as file:
        soundfile.write(file, audio, 8000, format="WAV")


def test_tracks_of_any_name_are_evaluated(trained, capsys):
    shutil.copytree(trained.model.path, "model")
    for name in MANY:
        for seed, stem in enumerate(("vocals", "drums")):
            noise(Path("songs/test", name, f"{stem}.wav"), seed)
    assert main(["evaluate", "model", "songs", "--metrics", "sdr"]) == 0
    output = capsys.readouterr().out
    shown = [name.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n") for name in MANY]
    assert all(name.replace("\x1b", "\\x1b") in output for name in shown)
    with open("model/evaluation.csv", encoding="utf-8", newline="") as file:
        tracks = {row["track"] for row in csv.DictReader(file)} - {"mean", "median"}
    assert tracks == {name.replace("\udce9", "\\udce9") for name in MANY}
    page = Page(Path("model/report.html"))
    assert "Song [live] [b]x" in page.of("td") and "<b>&amp;" in page.of("td")
    page.check_loads_nothing()


def test_songs_of_any_name_are_separated(trained, capsys):
    for name in MANY:
        noise(Path("songs", f"{name}.wav"))
    assert main(["separate", str(trained.model.path), "songs"]) == 0
    capsys.readouterr()
    assert sorted(os.listdir("separated/model")) == sorted(MANY)


def test_output_that_cannot_show_a_name_escapes_it(trained, environment):
    noise(Path("音.wav"))
    command = [sys.executable, "-m", "auralflow", "separate", str(trained.model.path), "音.wav", "missing.wav"]
    for _ in range(2):
        done = subprocess.run(
            command, env=environment | {"PYTHONIOENCODING": "cp1252"}, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr and "missing.wav: no such file" in done.stderr
    assert done.returncode == 2 and "\\u97f3" in done.stderr  # it exists already
    assert Path("separated/model/音/vocals.wav").exists()


def test_a_song_that_cannot_be_written_stops_no_other(trained, capsys):
    for name in ("s1", "s2", "s3", "l" * 238):
        noise(Path("songs", f"{name}.wav"))
    Path("out").mkdir()
    Path("out/s2").write_text("keep")
    template = ["--filename", "{track}/{stem}.{ext}", "--save", "out"]
    assert main(["separate", str(trained.model.path), "songs", *template]) == 1
    assert capsys.readouterr().err.splitlines()[1:] == ["  songs/s2.wav: out/s2/vocals.wav: Not a directory"]
    template = ["--filename", "{track}_{stem}.{ext}", "--save", "flat"]
    assert main(["separate", str(trained.model.path), "songs", *template]) == 0  # 249 bytes of 255
    assert len(os.listdir("flat")) == 4


def test_a_song_that_would_lead_out_is_refused(trained, capsys):
    noise(Path("here/...wav"))
    Path("here/vocals.wav").write_text("precious")
    assert main(["separate", str(trained.model.path), "here/...wav", "--save", "here/out"]) == 2
    assert "'..' is no name of a file" in capsys.readouterr().err
    assert Path("here/vocals.wav").read_text() == "precious" and not list(Path("here").rglob("out/*.wav"))
    assert main(["separate", str(trained.model.path), "here/...wav", "--filename", "{index}-{stem}.{ext}"]) == 0


@pytest.mark.parametrize("argv", [["--start", "1e305"], ["--start", "1e18"], ["--start", "1.0"]])
def test_a_start_beyond_the_end_is_a_sentence(run, trained, argv):
    noise(Path("a.wav"))
    assert "but the file is only 1.000 s long" in run("separate", trained.model.path, "a.wav", *argv, fails=True)


@pytest.mark.parametrize("duration", ["1e305", "1e18", "1e-300"])
def test_any_duration_is_a_part_of_the_song(run, trained, duration):
    noise(Path("a.wav"))
    run("separate", trained.model.path, "a.wav", "--duration", duration)
    frames = soundfile.info("separated/model/a/vocals.wav").frames
    assert frames == (8000 if float(duration) > 1 else 1)


def test_a_folder_without_settings_is_not_taken_for_a_song(run):
    noise(Path("a.wav"))
    Path("my_modell/checkpoint").mkdir(parents=True)
    error = run("separate", "my_modell", "a.wav", fails=True)
    assert "my_modell: is neither a model folder, it has no config.json, nor a folder of audio files" in error
