"""Datasets and tracks: finding, checking and reading them."""

from auralflow_core.data.crops import read_mixture, read_stems
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.data.tracks import find_tracks
from auralflow_core.data.training import training_tracks

__all__ = ["Track", "expand_targets", "find_tracks", "read_mixture", "read_stems", "training_tracks"]
