import io
from pathlib import Path

import pytest
from rich.console import Console

from auralflow.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig, VisualizerConfig
from auralflow.songs import make_songs


@pytest.fixture(scope="session")
def songs(tmp_path_factory) -> Path:
    """Generated songs of two seconds: two to train on, one to validate with, one to test."""
    folder = tmp_path_factory.mktemp("songs")
    make_songs(folder, tracks=4, seconds=2, sample_rate=8000)
    return folder


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """Three epochs of three steps, each of which a small machine takes in milliseconds."""
    return Config(
        model=SpectrogramNetSimple(sample_rate=8000, num_fft=256, window_size=256, hop_length=96, num_bins=100,
                                   hidden_channels=2, depth=1, dropout_p=0.1),
        dataset=DatasetConfig(sample_length=0.75, samples_per_epoch=12),
        training=TrainingConfig(max_epochs=3, batch_size=4, warmup_steps=2),
        visualizer=VisualizerConfig(snippet_length=1.5, num_snippets=1))


@pytest.fixture
def console() -> Console:
    """Keeps what is printed, in `console.file`."""
    return Console(file=io.StringIO(), width=200, soft_wrap=True, highlight=False)
