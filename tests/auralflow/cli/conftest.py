import os
from pathlib import Path

import pytest

import auralflow
from auralflow.cli.main import main


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment():
    """The variables of a process that imports these packages, wherever it runs."""
    return os.environ | {"PYTHONPATH": str(Path(auralflow.__file__).parents[1])}


@pytest.fixture
def run(capsys):
    """Runs a command that succeeds, or one that fails with a single sentence; returns what it printed."""

    def run(*argv, fails=False):
        status = main([str(argument) for argument in argv])
        output, error = capsys.readouterr()
        if fails:
            assert (status, output) == (2, "") and error.startswith("auralflow: error: ") and error.count("\n") == 1
            return error
        assert (status, error) == (0, "")
        return output

    return run
