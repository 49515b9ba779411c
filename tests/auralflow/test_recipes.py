import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from auralflow.cli.main import main
from auralflow.recipes import announce, read_recipe, recipes
from auralflow_core.config import to_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder


@pytest.fixture
def write(tmp_path, monkeypatch, tiny_config):
    """Writes tiny.json, a recipe of one small dataset and a small network, with other settings where they are given."""
    monkeypatch.chdir(tmp_path)
    settings = {
        "about": "A small network.",
        "real_share": 3.0,
        "songs": [{"sound": "synthesized", "tracks": 3, "seconds": 2}],
        "config": {**to_dict(tiny_config), "training": {"max_epochs": 1, "batch_size": 1}},
    }

    def write(**changes):
        Path("tiny.json").write_text(json.dumps(settings | changes))

    write()
    return write


def run(capsys, *argv, status=0):
    assert main([str(argument) for argument in argv]) == status
    output, error = capsys.readouterr()
    if status:
        assert output == "" and error.count("\n") == 1
    return output or error


@pytest.mark.parametrize("name", recipes())
def test_the_recipes_are_valid(name):
    recipe, config = read_recipe(name)
    assert config.model.targets == ("bass", "drums", "other", "vocals")
    assert {songs.sound for songs in recipe.songs} == {"synthesized", "sampled"}


def test_four_stems_is_small():
    import jax

    from auralflow_jax.models.registry import build

    config = read_recipe("four_stems")[1]
    shapes = jax.eval_shape(lambda: build(config).init(jax.random.key(0), config.crop_samples))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) < 9e6


def test_recipes_are_listed(capsys):
    lines = run(capsys, "recipe").splitlines()
    assert lines == [f"{name}: {read_recipe(name)[0].about}" for name in ("four_stems", "four_stems_lstm")]
    assert "did you mean 'four_stems'?" in run(capsys, "recipe", "four_stem", "here", status=2)
    assert "the folder is missing" in run(capsys, "recipe", "four_stems", status=2)


def test_a_recipe_makes_songs_trains_and_evaluates(write, capsys, trained):
    output = run(capsys, "recipe", "tiny.json", "here", "--real", trained.songs)
    assert "2 training tracks" in output and "2 validation tracks" in output and "epoch   1" in output
    assert f"Evaluating on {trained.songs / 'test'}" in output
    assert sorted(path.name for path in Path("here").iterdir()) == ["model", "recipe.json", "songs"]
    assert len(list(Path("here/songs/synthesized").glob("*/*/vocals.wav"))) == 3
    model = ModelFolder("here/model")
    config = model.load_config()
    assert (config.model.model_name, config.dataset.shares) == ("tiny", (1.0, 3.0))
    [track] = (trained.songs / "test").iterdir()
    with open(model.evaluation, encoding="utf-8") as file:
        assert {row["track"] for row in csv.DictReader(file)} == {track.name}

    song, lost, _ = sorted(Path("here/songs").rglob("vocals.wav"))
    shutil.rmtree(lost.parent)
    written = song.stat().st_mtime_ns, model.weights.stat().st_mtime_ns
    again = run(capsys, "recipe", "tiny.json", "here", "--real", trained.songs)
    assert "epoch   1" not in again and "the only epoch is done" in again
    assert (song.stat().st_mtime_ns, model.weights.stat().st_mtime_ns) == written
    assert lost.exists()  # made again, and nothing else
    assert "epoch   1" in run(capsys, "recipe", "tiny.json", "here", "--real", trained.songs, "--restart")
    assert song.stat().st_mtime_ns == written[0] and Path("here/model/earlier-runs/1").is_dir()

    assert "here: holds the recipe 'tiny', which differs in real from" in run(
        capsys, "recipe", "tiny.json", "here", status=2
    )
    write(real_share=1.0)
    assert "which differs in real_share from" in run(
        capsys, "recipe", "tiny.json", "here", "--real", trained.songs, status=2
    )
    assert "which differs in recipe, about, songs, config, real from" in run(
        capsys, "recipe", "four_stems", "here", status=2
    )


def test_a_recipe_says_what_it_takes_before_it_starts(write, capsys, monkeypatch):
    recipe, config = read_recipe("tiny.json")
    screen = io.StringIO()
    announce(recipe, config, Path("new"), Console(file=screen, soft_wrap=True))
    # Three songs of two seconds: five files of 44.1 kHz, stereo, 16 bits.
    assert 3 * 2 * 5 * 44100 * 2 * 2 == 5_292_000 and "both take 5 MB of the disk" in screen.getvalue()
    assert screen.getvalue().startswith("A small network.\nIt makes 3 songs and trains at most 1 epoch of")
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    assert main(["recipe", "tiny.json", "new"]) == 1
    assert "new: 5 MB of the disk are needed, and 1 MB are free" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"abuot": ""}, "tiny.json: object contains unknown field `abuot`"),
        (
            {"songs": [{"sound": "sung", "tracks": 3, "seconds": 2}]},
            "tiny.json: songs[0].sound: invalid enum value 'sung'",
        ),
        ({"songs": [{"sound": "sampled", "tracks": 2, "seconds": 2}]}, "songs[0].tracks: expected `int` >= 3, got 2"),
        ({"songs": []}, "tiny.json: songs: expected one entry for each sound, and at least one"),
        ({"songs": [{"sound": "sampled", "tracks": 3, "seconds": 2}] * 2}, "songs: expected one entry for each sound"),
        (
            {"config": {"model": {"model_type": "SpectrogramNetSimple", "depht": 2}}},
            "tiny.json: config: unknown key model.depht; did you mean 'depth'?",
        ),
        ({"config": {"model": {"model_type": "SpectrogramNetSimple", "targets": ["voice"]}}}, "unknown target 'voice'"),
    ],
)
def test_wrong_recipes_are_refused(write, changes, words):
    write(**changes)
    with pytest.raises(InputError) as error:
        read_recipe("tiny.json")
    assert words in str(error.value)


def test_nothing_is_made_where_something_is_wrong(write, capsys, trained):
    for name in ("mine", "other"):
        Path(name).mkdir()
    Path("mine/song.txt").touch()
    assert "mine: is not empty and holds no recipe" in run(capsys, "recipe", "tiny.json", "mine", status=2)
    assert "nowhere: no such folder" in run(capsys, "recipe", "tiny.json", "new", "--real", "nowhere", status=2)
    assert "none.json: cannot be read" in run(capsys, "recipe", "none.json", "new", status=2)
    for name in ("one", "two"):
        track = Path("other/train") / name
        track.mkdir(parents=True)
        for stem in ("drums", "vocals"):
            (track / f"{stem}.wav").write_bytes(next(trained.songs.rglob(f"{stem}.wav")).read_bytes())
    assert "its stems are drums, vocals; expected bass, drums, other, vocals" in run(
        capsys, "recipe", "tiny.json", "new", "--real", "other", status=2
    )
    assert not Path("new").exists()
