"""Snippets of a run, and names of tracks that matplotlib or the file system does not like."""

import os
from pathlib import Path

import numpy as np
import pytest

from auralflow_core.config import VisualizerConfig
from auralflow_core.model_folder import ModelFolder
from auralflow_core.training.snippets import SnippetWriter

RATE = 8000
PANELS = {name: 0.1 * np.ones((1, 2000), np.float32) for name in ("mixture", "estimate", "truth")}
NAMES = ("$x", "a$\\frac{$", "$$", "\\", "100%_^{}", "a\nb", "a\x1b[2Jb", "x" * 220, "[b]:smile:", "音")


@pytest.fixture
def snippets(tmp_path):
    said = []
    settings = VisualizerConfig(save_audio=True, save_images=True, tensorboard=False)
    return SnippetWriter(ModelFolder(tmp_path / "model"), settings, RATE, None, said.append), said


@pytest.mark.parametrize("name", NAMES)
def test_any_name_has_its_pictures(snippets, name):
    writer, said = snippets
    writer.write(name, PANELS, 3)
    assert said == []
    images = {path.name for path in writer.folder.images.iterdir()}
    assert images == {f"{name}-spectrogram.png", f"{name}-waveform.png"}
    assert len(list(writer.folder.audio.iterdir())) == 3


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="its file system checks names")
def test_names_that_are_no_utf8_have_theirs_too(snippets):
    writer, said = snippets
    writer.write("caf\udce9", PANELS, 3)
    assert said == [] and len(list(writer.folder.images.iterdir())) == 2


@pytest.mark.parametrize("name", ["x" * 300, "../../victim", "/etc/victim", "a\0b", ".."])
def test_a_snippet_that_fails_is_a_line(snippets, tmp_path, name):
    writer, said = snippets
    writer.write(name, PANELS, 3)
    if name != "..":  # whose files are called ..-mixture.wav
        [line] = said
        assert line.startswith("The snippet ") and " of step 3 is left out: " in line and "\0" not in line
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "model" not in path.parents]
    assert outside == [] and not Path("/etc/victim-mixture.wav").exists()


@pytest.mark.parametrize("panels", [{"estimate": np.zeros((2, 0))}, {"estimate": np.full((1, 9), np.nan)}, {}])
def test_signals_that_cannot_be_drawn_are_a_line(snippets, panels):
    writer, said = snippets
    writer.write("song", panels, 1)
    assert len(said) == 1
