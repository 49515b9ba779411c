"""Datasets, tracks and the inputs of separation: finding, checking and reading them."""

from auralflow_core.data.crops import read_mixture, read_stems
from auralflow_core.data.inputs import AudioInput, find_inputs
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.data.tracks import find_tracks, training_tracks

__all__ = [
    "AudioInput",
    "Track",
    "expand_targets",
    "find_inputs",
    "find_tracks",
    "read_mixture",
    "read_stems",
    "training_tracks",
]
