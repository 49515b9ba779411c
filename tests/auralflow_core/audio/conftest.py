import shutil

import pytest
import soundfile
from signals import FORMATS, sweep


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    for name, (container, subtype, rate, channels) in FORMATS.items():
        soundfile.write(folder / name, sweep(rate, channels), rate, format=container, subtype=subtype)
    return folder


@pytest.fixture
def without_ffmpeg(monkeypatch):
    def hide():
        monkeypatch.setattr(shutil, "which", lambda name: None)

    return hide
