import json
from pathlib import Path

import pytest
import torch

from auralflow.cli.main import main
from auralflow.songs import make_songs


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def same_numbers():
    torch.manual_seed(0)


@pytest.fixture
def run(capsys):
    """Runs a command that succeeds; returns what it printed."""

    def run(*argv):
        status = main([str(argument) for argument in argv])
        output, error = capsys.readouterr()
        assert (status, error) == (0, ""), error
        return output

    return run


@pytest.fixture
def change():
    """Replaces settings in a config.json, as an editor does."""

    def change(file, **settings):
        content = json.loads(Path(file).read_text())
        for group in content.values():
            group.update({name: settings.pop(name) for name in list(settings) if name in group})
        assert not settings
        Path(file).write_text(json.dumps(content))

    return change


@pytest.fixture(scope="session")
def dataset(make_once) -> Path:
    """Generated songs at the documentation's rate, four seconds each."""
    return make_once("documented", lambda folder: make_songs(folder, tracks=3, seconds=4))
