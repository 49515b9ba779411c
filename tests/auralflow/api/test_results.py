"""Where an evaluation's files go, and what becomes of those of another one."""

import json
from pathlib import Path

import pytest

from auralflow.api.evaluation import evaluate
from auralflow.api.results import Results, results_folder
from auralflow_core.errors import InputError
from auralflow_core.storage.cache import cache_folder


@pytest.fixture
def results(tmp_path):
    def make(text, **about):
        made = Results(tmp_path / "model", {"split": "test", **about})
        made.claim()
        aside = made.moved
        made.table.write_text(text)
        made.page.write_text(text)
        return aside

    return make


def test_the_same_evaluation_replaces_its_results(tmp_path, results):
    assert results("first") is None and results("second") is None
    assert (tmp_path / "model/evaluation.csv").read_text() == "second"
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "evaluation.csv",
        "evaluation.json",
        "report.html",
    ]


def test_another_one_moves_them_aside(tmp_path, results):
    results("first")
    assert results("second", split="valid") == tmp_path / "model/earlier-evaluations/1"
    assert results("third", split="test") == tmp_path / "model/earlier-evaluations/2"
    for number, text, split in ((1, "first", "test"), (2, "second", "valid")):
        folder = tmp_path / "model/earlier-evaluations" / str(number)
        assert (folder / "evaluation.csv").read_text() == (folder / "report.html").read_text() == text
        assert json.loads((folder / "evaluation.json").read_text())["split"] == split


@pytest.mark.parametrize("record", [None, "", "[]", "{", "{}", "\xff"])
def test_results_of_which_nothing_is_known_are_kept(tmp_path, results, record):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/evaluation.csv").write_text("of an earlier version")
    if record is not None:
        (tmp_path / "model/evaluation.json").write_text(record, encoding="latin-1")
    assert results("new") == tmp_path / "model/earlier-evaluations/1"
    assert (tmp_path / "model/earlier-evaluations/1/evaluation.csv").read_text() == "of an earlier version"


def test_results_of_cached_models_and_of_files_lie_in_the_current_folder(tmp_path):
    assert results_folder(tmp_path) == tmp_path
    cached = cache_folder("models") / "12345678/some-model"
    cached.mkdir(parents=True)
    assert results_folder(cached) == Path("evaluated/some-model")
    (tmp_path / "mine/checkpoint").mkdir(parents=True)
    for file, name in (("mine/checkpoint/best.safetensors", "mine"), ("other.safetensors", "other")):
        (tmp_path / file).touch()
        assert results_folder(tmp_path / file) == Path("evaluated", name)


def test_a_folder_that_cannot_be_written_is_known_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file/below", tmp_path / ("n" * 300)):
        with pytest.raises(InputError, match="--save names another folder"):
            Results(path, {})


def test_splits_metrics_and_models_do_not_replace_each_other(trained, tmp_path):
    save = tmp_path / "results"
    options = dict(save=save, report=False)
    first = evaluate(trained.model.path, trained.songs, metrics="sdr", **options)
    assert (first.file, first.moved, first.others) == (save / "evaluation.csv", (), ())
    text = first.file.read_text()
    assert evaluate(trained.model.path, trained.songs, metrics="sdr", **options).moved == ()
    [aside] = evaluate(trained.model.path, trained.songs, "valid", "sdr", **options).moved
    assert (aside / "evaluation.csv").read_text() == text != (save / "evaluation.csv").read_text()


def test_the_page_shows_the_training(trained, tmp_path):
    page = evaluate(trained.model.path, trained.songs, metrics="sdr", save=tmp_path / "results").page
    assert page == tmp_path / "results/report.html" and 'id="training"' in page.read_text()
