import csv
import shutil
from pathlib import Path

import soundfile

from auralflow.api.evaluation import Evaluation
from auralflow.cli import evaluate as commands
from auralflow.cli.main import main
from auralflow_core.evaluation.table import aggregate


def test_evaluate_writes_a_table(run, trained):
    output = run("evaluate", trained.model.path, trained.songs)
    rows = list(csv.DictReader(trained.model.evaluation.read_text(encoding="utf-8").splitlines()))
    [track] = (trained.songs / "test").iterdir()
    assert [(row["track"], row["estimate"]) for row in rows] == [  # a single track has no mean
        (track.name, kind) for kind in ("model", "mixture", "ideal_mask")
    ]
    assert list(rows[0]) == [
        "track",
        "target",
        "estimate",
        "si_sdr",
        "sdr",
        "si_sdr_improvement",
        "bss_sdr",
        "bss_sir",
        "bss_isr",
        "bss_sar",
    ]
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
    assert "third: no such file or folder" in run("evaluate", "first", trained.songs, "--compare", "third", fails=True)


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
    shutil.copytree(trained.songs, "songs")
    shutil.copytree(track, "songs/test/another")
    output = run("evaluate", trained.model.path, "songs", "--metrics", "sdr")
    assert track.name not in output and "median" in output and track.name in trained.model.evaluation.read_text()


def test_a_track_that_cannot_be_read_leaves_the_others(trained, capsys):
    shutil.copytree(trained.songs, "songs")
    [track] = Path("songs/test").iterdir()
    for name in ("text", "short"):
        shutil.copytree(track, f"songs/test/{name}")
    Path("songs/test/text/bass.wav").write_text("no audio at all")
    audio, rate = soundfile.read(track / "drums.wav")
    soundfile.write("songs/test/short/drums.wav", audio[: rate // 2], rate)
    assert main(["evaluate", str(trained.model.path), "songs", "--metrics", "sdr", "--save", "out"]) == 1
    output, error = capsys.readouterr()
    first, *lines = error.splitlines()
    assert first == "auralflow: 2 of 3 tracks could not be evaluated:" and "1 track of test." in output
    assert "short/drums.wav: has " in lines[0] and "text/bass.wav: no audio" in lines[1]
    assert Path("out/evaluation.csv").read_text().count("\n") == 1 + 3
    shutil.rmtree(track)
    assert main(["evaluate", str(trained.model.path), "songs"]) == 2


def test_targets_that_are_worse_than_the_mixture_are_named(capsys):
    def row(track, target, gain):
        scores = {"si_sdr": 0.0, "sdr": 0.0, "si_sdr_improvement": gain}
        return {"track": track, "target": target, "estimate": "model", **scores}

    rows = [row("a", "other", -3.0), row("a", "bass", -1.0), row("b", "other", 1.0), row("b", "bass", 3.0)]
    evaluation = Evaluation(rows, aggregate(rows)[4:], {}, 2, Path("x.csv"))
    commands.show(evaluation, "test")
    assert "Worse than the mixture itself, by SI-SDR: other of model.\n" in capsys.readouterr().out
    assert repr(evaluation) == "Evaluation(2 tracks, 0 failed, 4 rows, 'x.csv')"


def test_evaluate_refuses(run, trained, monkeypatch):
    assert "has no folder 'tset'" in run("evaluate", trained.model.path, trained.songs, "--split", "tset", fails=True)
    assert "choose from" in run("evaluate", trained.model.path, trained.songs, "--metrics", "bss", fails=True)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "ffmpeg" in run("evaluate", trained.model.path, trained.songs, "--metrics", "museval", fails=True)
    shutil.copytree(trained.songs, "songs")
    [track] = Path("songs/test").iterdir()
    (track / "vocals.wav").unlink()
    assert "unknown target 'vocals'" in run("evaluate", trained.model.path, "songs", fails=True)
