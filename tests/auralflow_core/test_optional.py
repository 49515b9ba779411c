import importlib
import sys

import pytest

import auralflow_torch
import bridge
import bridge.files
from auralflow.cli import main as cli
from auralflow_core.errors import MissingPackage
from auralflow_core.optional import needs


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackage, match=r"needs the package torch.*pip install 'auralflow\[torch\]'") as caught:
        with needs("torch"):
            import torch  # noqa: F401
    assert isinstance(caught.value, ImportError) and caught.value.name == "torch"


@pytest.mark.parametrize(
    ("module", "home"),
    [
        *((name, name) for name in ("losses", "models", "visualizer")),
        ("datasets", "data"),
        ("trainer", "train.trainer"),
        ("utils.data_utils", "transforms"),
    ],
)
def test_documented_names_are_the_torch_package_s(module, home, monkeypatch):
    ours, theirs = map(importlib.import_module, (f"auralflow.{module}", f"auralflow_torch.{home}"))
    assert ours.__all__ and all(getattr(ours, name) is getattr(theirs, name) for name in ours.__all__)
    for name in ("torch", *(name for name in sys.modules if name.startswith("auralflow_torch"))):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, f"auralflow.{module}")
    with pytest.raises(MissingPackage, match=r"pip install 'auralflow\[torch\]'"):
        importlib.import_module(f"auralflow.{module}")


def test_other_failures_stay_as_they_are():
    with pytest.raises(ModuleNotFoundError, match="no_such_package") as caught, needs("torch"):
        import no_such_package  # noqa: F401  # pyright: ignore[reportMissingImports]
    assert not isinstance(caught.value, MissingPackage)


def test_the_command_ends_with_the_sentence(monkeypatch, capsys):
    def run(arguments):
        with needs("torch"):
            import torch  # noqa: F401

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("auralflow.cli.songs.run", run)
    assert cli.main(["songs", "somewhere"]) == 2
    assert capsys.readouterr().err.startswith("auralflow: error: this needs the package torch, which is not installed")


@pytest.mark.parametrize("call", ["verify", "read_state", "load"])
def test_what_needs_torch_says_so(call, monkeypatch, tmp_path):
    (tmp_path / "state.pth").write_bytes(b"x")
    for name in ("torch", *(name for name in sys.modules if name.startswith("auralflow_torch."))):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    calls = {
        "verify": lambda: bridge.verify(tmp_path),
        "read_state": lambda: bridge.files.read_torch(tmp_path / "state.pth"),
        "load": lambda: auralflow_torch.load(tmp_path),
    }
    with pytest.raises(MissingPackage, match="needs the package torch"):
        calls[call]()
