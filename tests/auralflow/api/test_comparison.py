import csv
import errno
import io
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from html_page import Page

from auralflow.api import comparison
from auralflow.api.comparison import fit_tracks, load_models, merge_rows, model_names
from auralflow.api.evaluation import evaluate
from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple
from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import InputError
from auralflow_core.evaluation import dataset as assessment
from auralflow_core.model_folder import ModelFolder

RATE, SAMPLES = 32000, 40_000


@pytest.fixture
def dataset(tmp_path):
    """Two songs of a bit more than a second, stems that are tones."""
    time = np.arange(SAMPLES) / RATE
    for index, name in enumerate(("One", "Two")):
        for pitch, stem in ((220, "bass"), (500, "drums"), (900, "vocals")):
            path = tmp_path / "songs/test" / name / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.stack(2 * [0.2 * np.sin(2 * np.pi * (pitch + index) * time)], 1), RATE, "FLOAT")
    return tmp_path / "songs"


@pytest.fixture
def models(tmp_path, copies, monkeypatch):
    """Makes folders whose models copy the mixture, times the factors given."""
    made = {}

    def make(**factors):
        for name, model in factors.items():
            made[tmp_path / name] = copies(RATE, model)
            ModelFolder(tmp_path / name).save_config(made[tmp_path / name].config)
        return [tmp_path / name for name in factors]

    monkeypatch.setattr(comparison, "load_separator", lambda folder, backend: made[Path(folder)])
    return SimpleNamespace(make=make, made=made)


def test_one_model_has_its_table_and_a_page(dataset, models):
    [folder] = models.make(mine={"vocals": 0.5})
    result = evaluate(folder, dataset, metrics="sdr")
    assert (result.file, result.page, result.others) == (folder / "evaluation.csv", folder / "report.html", ())
    assert {row["estimate"] for row in result.rows} == {"model", "mixture", "ideal_mask"}
    page = Page(result.page)
    page.check_loads_nothing()
    assert page.of("h1") == ["Evaluation of mine"] and page.of("h2") == ["Listen", "Evaluation", "Settings"]
    assert page.of("figcaption") == ["Mixture", "Estimate", "Reference"] * 2 + ["SI-SDR", "SDR"]
    assert [text.split()[0] for text in page.of("h3")] == ["One", "Two"]
    assert "2 tracks of the split test of songs" in page.of("p")[0]


def test_models_are_shown_side_by_side_and_each_folder_gets_its_table(dataset, models):
    folders = models.make(first={"vocals": 0.5}, second={"drums": 0.25, "vocals": 0.1})
    result = evaluate(folders[0], dataset, metrics="sdr", compare=folders[1])
    assert result.others == (folders[1] / "evaluation.csv",) and not (folders[1] / "report.html").exists()
    for folder, count in zip(folders, (1, 2), strict=True):
        rows = list(csv.DictReader((folder / "evaluation.csv").read_text(encoding="utf-8").splitlines()))
        assert len(rows) == (2 + 2) * count * 3 and {row["estimate"] for row in rows} == {
            "model",
            "mixture",
            "ideal_mask",
        }
    assert [(row["track"], row["target"], row["estimate"]) for row in result.rows[:7]] == [
        ("One", "vocals", name) for name in ("first", "second", "mixture", "ideal_mask")
    ] + [("One", "drums", name) for name in ("second", "mixture", "ideal_mask")]
    page = Page(result.page)
    assert page.of("figcaption")[:7] == ["Mixture", "first", "second", "Reference", "Mixture", "second", "Reference"]
    _, si_sdr, _ = page.tables()
    assert si_sdr[0] == ["track", "target", "mixture", "first", "second", "ideal mask"]
    assert [line[:2] for line in si_sdr[1:]] == [
        [track, target] for track in ("One", "Two") for target in ("vocals", "drums")
    ]
    assert [line[3] == "–" for line in si_sdr[1:]] == [False, True, False, True]
    assert si_sdr[1][2] == si_sdr[1][3] == si_sdr[1][4]  # SI-SDR does not see a factor
    check_sounds(page, dataset, {"Mixture": 1, "first": 0.5, "second": 0.1})


def check_sounds(page, dataset, factors):
    """The page's first player plays the mixture times the factors, and the reference."""
    stems = {
        stem: soundfile.read(dataset / f"test/One/{stem}.wav", dtype="float32")[0].T
        for stem in ("bass", "drums", "vocals")
    }
    signals = [factor * sum(stems.values()) for factor in factors.values()] + [stems["vocals"]]
    for (data, kind), expected in zip(page.sources("audio"), signals, strict=False):
        audio, rate = soundfile.read(io.BytesIO(data))
        assert kind == "audio/mpeg" and rate == RATE and audio.T.shape == expected.shape
        inside = slice(2000, -2000)  # mp3 smears beginnings and ends
        assert np.std(audio.T[:, inside] - expected[:, inside]) < 0.01 * np.std(expected)


def test_no_page_where_none_is_wanted(dataset, models):
    [folder] = models.make(mine={"vocals": 0.5})
    assert evaluate(folder, dataset, metrics="sdr", report=False).page is None
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "evaluation.csv", "evaluation.json"]


def test_a_listening_test_has_all_models(dataset, models, tmp_path):
    folders = models.make(first={"vocals": 0.5}, second={"drums": 0.25, "vocals": 0.1})
    path = tmp_path / "new" / "test.html"
    result = evaluate(
        folders[0], dataset, metrics="sdr", report=False, save=tmp_path, compare=folders[1], listening_test=path
    )
    assert result.listening_test == path and result.page is None
    [about] = re.findall('id="about">(.*)</script>', path.read_text())
    found = {
        (trial["track"], trial["target"]): [stimulus["name"] for stimulus in trial["stimuli"]]
        for trial in json.loads(about)["trials"]
    }
    anchors = ["Reference", "Low-pass anchor", "Mixture"]
    assert found == {
        (track, target): anchors + names
        for track in ("One", "Two")
        for target, names in {"vocals": ["first", "second"], "drums": ["second"]}.items()
    }
    evaluate(folders[0], dataset, metrics="sdr", report=False, listening_test=path)
    assert '"name": "first", "kind": "system"' in path.read_text()
    for wrong in (tmp_path, tmp_path / "test.json"):
        with pytest.raises(InputError, match="a listening test is one HTML file"):
            evaluate(folders[0], dataset, metrics="sdr", listening_test=wrong)
    many = models.make(**{f"model{number}": {"vocals": 1.0} for number in range(10)})
    with pytest.raises(InputError, match="expected 9 models at most, got 10"):
        evaluate(many[0], dataset, metrics="sdr", compare=many[1:], save=tmp_path, listening_test=path)


def test_silent_targets_are_named_on_the_page_and_not_played(dataset, models):
    for track in ("One", "Two"):
        soundfile.write(dataset / f"test/{track}/vocals.wav", np.zeros((SAMPLES, 2)), RATE, "FLOAT")
    [folder] = models.make(mine={"vocals": 0.5})
    result = evaluate(folder, dataset, metrics="sdr")
    assert result.rows == [] and result.silent == {"One": ["vocals"], "Two": ["vocals"]}
    page = Page(result.page)
    assert page.of("h2") == ["Settings"] and "Left out, silent: vocals of One; vocals of Two." in page.of("p")


def test_models_are_named_by_their_folders_as_far_as_that_tells_them_apart():
    assert model_names([Path("a/b")]) == ["model"]
    assert model_names([Path("a/b"), Path("a/c/")]) == ["b", "c"]
    same = [Path("a/best"), Path("b/best"), Path("mixture"), Path("Reference"), Path("c")]
    assert model_names(same) == [*(str(path.resolve()) for path in same[:4]), "c"]


def test_merged_rows_keep_every_figure_once():
    def rows(*targets, sdr):
        return [
            {"track": track, "target": target, "estimate": kind, "sdr": sdr[kind]}
            for track in "AB"
            for target in targets
            for kind in ("model", "mixture", "ideal_mask")
        ]

    one = rows("vocals", sdr={"model": 1.0, "mixture": 0.0, "ideal_mask": 9.0})
    two = rows("bass", "vocals", sdr={"model": 2.0, "mixture": 0.0, "ideal_mask": 9.0})
    merged = merge_rows({"one": one, "two": two})
    assert len(merged) == 2 * (4 + 3) and [row["track"] for row in merged] == ["A"] * 7 + ["B"] * 7
    assert {(row["estimate"], row["sdr"]) for row in merged} == {
        ("one", 1.0),
        ("two", 2.0),
        ("mixture", 0.0),
        ("ideal_mask", 9.0),
    }
    assert merge_rows({"model": one}) == one


def test_what_cannot_be_compared_is_refused_before_the_work(dataset, models):
    first, second = models.make(first={"vocals": 0.5}, second={"piano": 0.5})
    with pytest.raises(InputError, match="first: is given twice"):
        evaluate(first, dataset, metrics="sdr", compare=[second, first.parent / "." / "first"])
    with pytest.raises(InputError, match="unknown target 'piano'"):
        evaluate(first, dataset, metrics="sdr", compare=[second])
    assert [path.name for path in first.iterdir()] == ["config.json"]


def test_targets_of_one_name_must_be_one_sum(dataset, models, copies):
    folders = models.make(first={"band": 0.5}, second={"band": 0.5})
    for name, stems in (("first", ("bass", "drums")), ("second", ("bass", "vocals"))):
        made = copies(RATE, {"band": 0.5})
        made.config = Config(
            model=SpectrogramNetSimple(sample_rate=RATE, targets=("band",)),
            dataset=DatasetConfig(sources={"band": stems}),
        )
        models.made[folders[0].parent / name] = made
    with pytest.raises(InputError, match="'band' is bass [+] drums in first but bass [+] vocals in second"):
        fit_tracks(load_models(folders, "jax"), find_tracks(dataset, "test"))


class Damaged:
    """In place of `read_stems`: one track cannot be read."""

    def __init__(self, read, error):
        self.read, self.error = read, error

    def __call__(self, track, *place):
        if track.name == "One":
            raise self.error
        return self.read(track, *place)


@pytest.mark.parametrize("error", [InputError("damaged"), OSError(errno.EIO, "Input/output error", "vocals.wav")])
def test_a_track_that_cannot_be_read_is_left_out_and_named(dataset, models, monkeypatch, error):
    monkeypatch.setattr(assessment, "read_stems", Damaged(assessment.read_stems, error))
    folders = models.make(first={"vocals": 0.5}, second={"vocals": 0.1})
    result = evaluate(folders[0], dataset, metrics="sdr", compare=folders[1])
    assert {row["track"] for row in result.rows} == {"Two"} and result.tracks == 1 and result.summary == []
    [line] = result.failures
    assert line.startswith(f"{dataset}/test/One: ") and f"Not evaluated: {line}." in Page(result.page).of("p")
    for path in (result.file, *result.others):
        assert "Two" in path.read_text() and "One" not in path.read_text()


def test_no_track_that_can_be_read_is_an_error_and_a_full_disk_too(dataset, models, monkeypatch):
    [folder] = models.make(mine={"vocals": 0.5})
    shutil.rmtree(dataset / "test/Two")
    read = assessment.read_stems
    for error, kind in ((InputError("damaged"), InputError), (OSError(errno.ENOSPC, "No space left"), OSError)):
        monkeypatch.setattr(assessment, "read_stems", Damaged(read, error))
        with pytest.raises(kind):
            evaluate(folder, dataset, metrics="sdr")
    assert not (folder / "evaluation.csv").exists()


def test_one_folder_for_all_models_has_one_table(dataset, models, tmp_path):
    folders = models.make(first={"vocals": 0.5}, second={"vocals": 0.1})
    result = evaluate(folders[0], dataset, metrics="sdr", compare=folders[1], save=tmp_path / "results")
    assert (result.file, result.page, result.others) == (
        tmp_path / "results/evaluation.csv",
        tmp_path / "results/report.html",
        (),
    )
    rows = list(csv.DictReader(result.file.read_text(encoding="utf-8").splitlines()))
    assert {row["estimate"] for row in rows} == {"first", "second", "mixture", "ideal_mask"}
    assert all([path.name for path in folder.iterdir()] == ["config.json"] for folder in folders)


def test_pairs_of_a_mixture_and_vocals_have_an_accompaniment(dataset, models):
    [folder] = models.make(mine={"accompaniment": 0.7, "vocals": 0.5})
    for track in (dataset / "test").iterdir():
        stems = [soundfile.read(track / f"{stem}.wav")[0] for stem in ("bass", "drums", "vocals")]
        soundfile.write(track / "mixture.wav", sum(stems), RATE, "FLOAT")
    whole = evaluate(folder, dataset, metrics="sdr", report=False)
    for track in (dataset / "test").iterdir():
        (track / "bass.wav").unlink(), (track / "drums.wav").unlink()
    pairs = evaluate(folder, dataset, metrics="sdr", report=False)
    assert len(pairs.rows) == len(whole.rows) == 12 and whole.notes == ()
    for found, expected in zip(pairs.rows, whole.rows, strict=True):
        assert found == {name: pytest.approx(value, abs=1e-3) for name, value in expected.items()}
    assert pairs.notes == (
        f"{dataset}: the mixtures hold more than vocals; what is left of them is used as the stem accompaniment",
    )
    [other] = models.make(other={"drums": 0.7, "vocals": 0.5})
    with pytest.raises(InputError, match="unknown target 'drums'"):
        evaluate(other, dataset, metrics="sdr", report=False)
