import sys

import pytest

from auralflow import cli
from auralflow.errors import MissingPackage
from auralflow.extras import needs


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackage, match=r"needs the package torch.*pip install 'auralflow\[torch\]'") as caught:
        with needs("torch"):
            import torch  # noqa: F401
    assert isinstance(caught.value, ImportError) and caught.value.name == "torch"


def test_other_failures_stay_as_they_are():
    with pytest.raises(ModuleNotFoundError, match="no_such_package") as caught, needs("torch"):
        import no_such_package  # noqa: F401
    assert not isinstance(caught.value, MissingPackage)


def test_the_command_ends_with_the_sentence(monkeypatch, capsys):
    def run(arguments):
        with needs("torch"):
            import torch  # noqa: F401

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("auralflow.commands.songs", run)
    assert cli.main(["songs", "somewhere"]) == 2
    assert capsys.readouterr().err.startswith("auralflow: error: this needs the package torch, which is not installed")
