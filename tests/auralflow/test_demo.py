import csv
import io

import numpy as np
import pytest
import soundfile
from rich.console import Console
from safetensors.numpy import load_file

from auralflow.demo import run_demo
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder


@pytest.fixture(scope="module")
def demo(tmp_path_factory, tiny_config):
    folder = tmp_path_factory.mktemp("demo") / "auralflow-demo"
    screen = io.StringIO()
    page = run_demo(folder, config=tiny_config, songs=3, seconds=2, console=Console(file=screen, width=200))
    return folder, page, screen.getvalue(), tiny_config


def test_makes_songs_model_stems_figures_and_page(demo):
    folder, page, screen, config = demo
    assert page == folder / "index.html"
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "model", "separated", "songs"]
    model = ModelFolder(folder / "model")
    assert model.load_config() == config and model.weights.exists()
    [track] = (folder / "songs/test").iterdir()
    stems = [
        soundfile.read(folder / "separated" / track.name / f"{name}.wav", dtype="float64")[0]
        for name in ("vocals", "residual")
    ]
    np.testing.assert_allclose(sum(stems), soundfile.read(track / "mixture.wav")[0], atol=1e-7)
    rows = list(csv.DictReader(model.evaluation.read_text(encoding="utf-8").splitlines()))
    assert [(row["track"], row["estimate"]) for row in rows[:3]] == [
        (track.name, kind) for kind in ("model", "mixture", "ideal_mask")
    ]
    assert "Evaluation" in screen and "epoch   2" in screen


def test_the_page_shows_the_model(demo):
    folder, page, _, _ = demo
    text = page.read_text(encoding="utf-8")
    [track] = (folder / "songs/test").iterdir()
    assert track.name in text and text.count("<audio") == 3 and "Training" in text
    assert "1 generated songs" not in text and "1 generated song;" in text


def test_a_second_call_trains_no_further_and_restart_does(demo):
    folder, page, _, config = demo
    model = ModelFolder(folder / "model")
    before, song = load_file(model.weights), next((folder / "songs/train").iterdir()).stat().st_mtime_ns
    written = model.weights.stat().st_mtime_ns
    page.unlink()
    screen = io.StringIO()
    assert run_demo(folder, songs=3, seconds=2, console=Console(file=screen, width=200)).exists()
    assert "epoch   1" not in screen.getvalue() and model.weights.stat().st_mtime_ns == written
    assert next((folder / "songs/train").iterdir()).stat().st_mtime_ns == song

    screen = io.StringIO()
    run_demo(folder, restart=True, config=config, songs=3, seconds=2, console=Console(file=screen, width=200))
    assert "epoch   1" in screen.getvalue() and (model.path / "earlier-runs/1").is_dir()
    after = load_file(model.weights)  # the same seed, the same weights
    assert after.keys() == before.keys() and all((after[name] == before[name]).all() for name in before)


def test_leaves_other_folders_alone(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(InputError, match="is not empty and holds no demo"):
        run_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
