"""Stems that any program wrote are scored as files, whatever their rate, length and channels."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from html_page import Page
from packed_songs import STREAMS, pack, stems

from auralflow.api.evaluation import evaluate
from auralflow.cli.main import main
from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import InputError
from auralflow_core.evaluation.metrics import si_sdr
from auralflow_core.evaluation.stem_files import StemFiles

RATE, SAMPLES = 8000, 12000


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Two tracks of noise, and another program's estimates of their stems."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in ("One", "Two"):
        stems = {stem: 0.1 * random.standard_normal((SAMPLES, 2)) for stem in ("bass", "vocals")}
        for stem, audio in stems.items():
            write(f"songs/test/{name}/{stem}.wav", audio)
            write(f"theirs/{name}/{stem}.wav", audio + 0.02 * random.standard_normal((SAMPLES, 2)))


def write(path, audio, rate=RATE):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate, "FLOAT" if Path(path).suffix == ".wav" else None)


def read(path):
    return soundfile.read(path, dtype="float32")[0].T


def scores(result):
    return {
        (row["track"], row["target"]): row["si_sdr"] for row in result.rows if row["estimate"] in ("model", "theirs")
    }


def test_files_are_scored_as_they_are():
    result = evaluate(None, "songs", metrics="sdr", estimates="theirs")
    assert (result.file, result.notes, result.failures) == (Path("evaluated/theirs/evaluation.csv"), (), ())
    expected = {
        (name, stem): si_sdr(read(f"theirs/{name}/{stem}.wav"), read(f"songs/test/{name}/{stem}.wav"))
        for name in ("One", "Two")
        for stem in ("bass", "vocals")
    }
    assert scores(result) == pytest.approx(expected, abs=1e-6) and len(expected) == 4
    assert Page(result.page).of("h1") == ["Evaluation of theirs"]
    assert sorted(path.name for path in Path("theirs").iterdir()) == ["One", "Two"]  # nothing is written there


def test_other_rates_lengths_and_channels_are_reconciled_and_said():
    time = np.arange(2 * SAMPLES) / (2 * RATE)
    audio = np.stack([np.sin(2 * np.pi * 440 * time), np.sin(2 * np.pi * 1000 * time)])
    write("theirs/One/vocals.wav", audio.T, 2 * RATE)
    write("theirs/One/bass.wav", read("theirs/One/bass.wav")[:1].T)
    write("theirs/Two/vocals.wav", np.pad(read("theirs/Two/vocals.wav"), [(0, 0), (0, 37)], constant_values=1).T)
    write("theirs/Two/bass.wav", read("theirs/Two/bass.wav")[:, :-11].T)
    write("theirs/Two/residual.wav", audio.T)
    stems = StemFiles("theirs", "test")
    tracks = find_tracks("songs", "test")
    assert stems.fit(tracks, ["bass", "vocals", "accompaniment"]) == {}
    assert stems.targets == ("bass", "vocals")
    assert sorted(stems.notes) == [
        "theirs: 1 file is cut at the end, by 37 samples at most",
        "theirs: 1 file is filled with silence at the end, by 11 samples at most",
        "theirs: 1 file is mono, and made what the tracks are",
        "theirs: 1 file is resampled from 16000 to 8000 Hz",
        "theirs: no scores for residual, which are no targets of these tracks",
    ]
    one, two = (stems.read(track, np.empty, lambda share: None) for track in tracks)
    assert si_sdr(one[1][:, 100:-100], audio[:, 200:-200:2]) > 60
    np.testing.assert_array_equal(one[0], np.repeat(read("theirs/One/bass.wav")[None], 2, 0))
    np.testing.assert_array_equal(two[1], read("theirs/Two/vocals.wav")[:, :SAMPLES])
    assert not two[0][:, -11:].any() and two[0][:, -12].all()


def test_beside_a_model(trained):
    tracks = [path.name for path in (trained.songs / "test").iterdir()]
    for name in tracks:
        (Path("demucs/test") / name).mkdir(parents=True)
        shutil.copy(trained.songs / "test" / name / "vocals.wav", Path("demucs/test") / name / "vocals.wav")
        shutil.copy(trained.songs / "test" / name / "mixture.wav", Path("demucs/test") / name / "no_vocals.wav")
    model = str(trained.model.path)
    command = ["evaluate", model, "--estimates", "demucs", str(trained.songs), "--metrics", "sdr", "--backend", "torch"]
    assert main([*command, "--save", "out"]) == 0
    rows = [line.split(",")[:4] for line in Path("out/evaluation.csv").read_text().splitlines()[1:]]
    found = {(target, estimate): float(score) for _, target, estimate, score in rows}
    assert found["vocals", "demucs"] > 100 and ("accompaniment", "demucs") in found and ("vocals", "model") in found
    assert "demucs" in Page(Path("out/report.html")).of("h1")[0]
    assert [Path(path).name for path in json.loads(Path("out/evaluation.json").read_text())["models"]][1] == "demucs"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: shutil.rmtree("theirs"), "theirs: no such folder; one with <track>/<stem>.wav is expected"),
        (lambda: [shutil.rmtree(f"theirs/{name}") for name in ("One", "Two")], "theirs: holds no estimates, expected"),
        (lambda: [Path("theirs", name).rename(f"theirs/{name}s") for name in ("One", "Two")], "of none of 2 tracks"),
        (
            lambda: [path.rename(path.with_name(f"x{path.name}")) for path in Path("theirs").rglob("*.wav")],
            "theirs: 'xbass' is called like no target; did you mean 'bass'",
        ),
    ],
)
def test_folders_without_estimates_are_refused(change, words):
    change()
    with pytest.raises(InputError, match=words):
        evaluate(None, "songs", metrics="sdr", estimates="theirs", report=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: shutil.rmtree("theirs/One"), "theirs: has no estimates of One"),
        (lambda: Path("theirs/One/bass.wav").unlink(), "theirs: has no bass of One"),
        (lambda: Path("theirs/One/bass.wav").write_bytes(b"no audio"), "theirs/One/bass.wav"),
        (
            lambda: write("theirs/One/bass.wav", np.zeros((3 * SAMPLES, 2))),
            "theirs/One/bass.wav: lasts 4.50 s, and its track 1.50 s; expected a length that differs by 1 s at most",
        ),
        (lambda: write("theirs/One/bass.wav", np.zeros((SAMPLES, 4))), "has 4 channels; mono or stereo is accepted"),
    ],
)
def test_tracks_without_fitting_estimates_are_left_out(change, words, capsys):
    change()
    assert main(["evaluate", "songs", "--estimates", "theirs", "--metrics", "sdr", "--no_report"]) == 1
    printed = capsys.readouterr()
    assert words in printed.err and "1 of 2 tracks could not be evaluated" in printed.err
    assert "Two" in printed.out and "1 track of test" in printed.out


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """Two tracks of four stems, and estimates of them: one track as a Stem file, one as a folder."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    truths = {name: stems(SAMPLES, seed) for seed, name in enumerate(("One", "Two"))}
    found = {name: stems(SAMPLES, seed) for seed, name in enumerate(("One", "Two"), 5)}
    found = {
        name: {stem: (truths[name][stem] + audio / 4) / 2 for stem, audio in found[name].items()} for name in found
    }
    for name, audio in truths.items():
        for stem in STREAMS[1:]:
            write(f"four/test/{name}/{stem}.wav", audio[stem])
    pack(Path("packed/One.stem.mp4"), found["One"])
    for stem in STREAMS[1:]:
        write(f"packed/Two/{stem}.wav", found["Two"][stem])
    return truths, found


def test_stem_files_are_estimates(packed):
    truths, found = packed
    result = evaluate(None, "four", metrics="sdr", estimates="packed", report=False)
    expected = {
        (name, stem): si_sdr(np.round(found[name][stem].T * 2**15) / 2**15, truths[name][stem].T)
        for name in ("One", "Two")
        for stem in STREAMS[1:]
    }
    rows = {(row["track"], row["target"]): row["si_sdr"] for row in result.rows if row["estimate"] == "model"}
    assert rows == pytest.approx(expected, abs=1e-3) and (result.failures, result.notes) == ((), ())
    assert sorted(path.name for path in Path("packed").iterdir()) == ["One.stem.mp4", "Two"]
    tracks = find_tracks("four", "test")
    again = StemFiles("packed", "test")
    assert repr(again) == "StemFiles('packed', 2 tracks, targets=())"
    assert again.fit(tracks[:1], STREAMS[1:]) == {} and again.targets == tuple(sorted(STREAMS[1:]))


def test_stem_files_that_do_not_fit_are_left_out(packed, capsys):
    pack(Path("packed/Two.stem.mp4"), packed[1]["Two"])
    assert main(["evaluate", "four", "--estimates", "packed", "--metrics", "sdr", "--no_report"]) == 1
    assert "packed/Two.stem.mp4: a second estimate of this track, next to a folder" in capsys.readouterr().err
    shutil.rmtree("packed/Two")
    Path("packed/Two.stem.mp4").write_bytes(b"no audio")
    assert main(["evaluate", "four", "--estimates", "packed", "--metrics", "sdr", "--no_report"]) == 1
    printed = capsys.readouterr()
    assert "packed/Two.stem.mp4: no audio file that can be read" in printed.err and "One" in printed.out
    Path("packed/One.stem.mp4").write_bytes(b"no audio either")
    assert main(["evaluate", "four", "--estimates", "packed", "--metrics", "sdr", "--no_report"]) == 2
    printed = capsys.readouterr().err
    assert "One.stem.mp4: no audio" in printed and "Two.stem.mp4: no audio" in printed


def test_a_model_or_stems_are_needed():
    with pytest.raises(InputError, match="needs a model, or a folder of stems"):
        evaluate(None, "songs", metrics="sdr")
