import os
import stat
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from auralflow_core.config import override, template, to_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import BUILT_IN, RESOLVERS, ModelFolder, as_config, find_model, find_weights
from auralflow_core.storage.atomic import replacing
from auralflow_core.weights.file import TORCH, TensorFile


def test_config_round_trip(tmp_path):
    folder, config = ModelFolder(tmp_path / "new/model"), override(template("SpectrogramNetSimple"), {"lr": "0.5"})
    folder.save_config(config)
    assert folder.load_config() == config and folder.name == "model"
    assert [path.name for path in folder.path.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no model folder, it has no config.json"),
        (b'{"model": ', "not valid JSON at line 1, column 11"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "expected an object"),
        (b"{}", "model.model_type is missing"),
    ],
)
def test_names_the_file_at_fault(tmp_path, content, words):
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        ModelFolder(tmp_path).load_config()
    assert str(tmp_path) in str(error.value)


def test_moves_runs_aside_and_nothing_else(tmp_path):
    folder = ModelFolder(tmp_path)
    folder.save_config(template("SpectrogramNetSimple"))
    assert folder.move_run_aside() is None
    for number in ("1", "2"):
        folder.checkpoint.mkdir()
        folder.weights.write_text(number)
        folder.evaluation.write_text(number)
        assert folder.move_run_aside() == tmp_path / "earlier-runs" / number
        assert (tmp_path / "earlier-runs" / number / "checkpoint/best.safetensors").read_text() == number
        assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "earlier-runs"]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as aside:
        aside.write_text("half of it")
        raise RuntimeError
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_text("")
    with replacing(tmp_path / "deep/new.txt") as aside:
        aside.write_text("new")
        assert aside.suffix == ".txt" and not (tmp_path / "deep/new.txt").exists()
    assert (tmp_path / "deep/new.txt").read_text() == "new"
    modes = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("usual", "deep/new.txt")]
    assert modes[0] == modes[1]


def test_errors_name_the_file_and_not_the_temporary_one(tmp_path):
    path = tmp_path / ("n" * 300)  # longer than a name may be
    with pytest.raises(OSError, match="File name too long") as error, replacing(path):
        pass
    assert error.value.filename == str(path)


class Zoo:
    """A resolver that another package declares."""

    def __init__(self, folder):
        self.folder = folder

    def names(self):
        return ["zoo/zebra"]

    def resolve(self, name):
        return self.folder if name in self.names() else None


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache and a working folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "cache" / "auralflow" / "models"


def make_weights(path):
    ModelFolder(path).save_model(TensorFile(TORCH, {"a": np.ones(2, np.float32)}, template("SpectrogramNetSimple"), {}))
    return ModelFolder(path).weights


def test_a_model_is_found_by_its_path_in_the_cache_or_by_a_resolver(own_cache):
    weights = make_weights("mine")
    assert find_model("mine") == Path("mine") and find_weights("mine") == weights
    assert find_model(weights) == find_weights(weights) == weights
    cached = make_weights(own_cache / "lion")
    assert find_model("lion") == own_cache / "lion" and find_weights("lion") == cached
    make_weights("lion")
    assert find_model("lion") == Path("lion")  # what lies here comes first
    bundled = find_weights("auralflow-4stems")  # auralflow.pretrained, which only has to be importable, makes it
    assert bundled.exists() and bundled.is_relative_to(own_cache)


def test_unknown_names_are_one_sentence_with_the_closest(own_cache):
    with pytest.raises(InputError, match="no such file or folder, and no .* did you mean 'spleeter-2stems'\\? known: "):
        find_model("spleter-2stem")
    with pytest.raises(InputError, match="^nowhere/model: no such file or folder$"):
        find_weights("nowhere/model")
    Path("empty").mkdir()
    with pytest.raises(InputError, match="empty: no model folder"):
        find_weights("empty")


def test_other_packages_declare_resolvers(own_cache, monkeypatch):
    entry = SimpleNamespace(value="zoo:zoo", load=lambda: Zoo(Path("made")))
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == "auralflow.resolvers" else [])
    assert find_model("zoo/zebra") == Path("made")
    with pytest.raises(InputError, match="known: auralflow-4stems, .*, zoo/zebra"):
        find_model("zebra")


def test_the_declared_resolver_is_the_built_in_one():
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert settings["project"]["entry-points"][RESOLVERS] == {"pretrained": BUILT_IN}


def test_a_saved_model_appears_whole_or_not_at_all(tmp_path):
    config = template("SpectrogramNetSimple")
    broken = TensorFile(TORCH, {"a": np.array([object()])}, config, {})
    with pytest.raises(Exception, match="object|references"):
        ModelFolder(tmp_path / "model").save_model(broken)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    make_weights(tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]
    assert ModelFolder(tmp_path / "empty").load_config() == config


def test_a_configuration_of_many_kinds(tmp_path):
    config, folder = override(template("SpectrogramNetSimple"), {"lr": "0.5"}), ModelFolder(tmp_path / "model")
    folder.save_config(config)
    for given in (config, to_dict(config), folder.path, str(folder.config_file)):
        assert as_config(given) == config
    with pytest.raises(InputError, match="nowhere: cannot be read"):
        as_config(tmp_path / "nowhere")
