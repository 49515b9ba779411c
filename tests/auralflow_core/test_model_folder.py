import os
import stat

import pytest

from auralflow_core.config import override, template
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.atomic import replacing


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
    with pytest.raises(OSError) as error, replacing(path):
        pass
    assert error.value.filename == str(path)
