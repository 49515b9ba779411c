"""Scores of separated audio: of a track, of a dataset, as rows, tables and files."""

from auralflow_core.evaluation.dataset import evaluate_tracks
from auralflow_core.evaluation.metrics import is_silent, sdr, si_sdr
from auralflow_core.evaluation.oracle import ideal_mask
from auralflow_core.evaluation.table import Row, aggregate, table, write_csv
from auralflow_core.evaluation.track import FramewiseMetric, evaluate_track

__all__ = [
    "FramewiseMetric",
    "Row",
    "aggregate",
    "evaluate_track",
    "evaluate_tracks",
    "ideal_mask",
    "is_silent",
    "sdr",
    "si_sdr",
    "table",
    "write_csv",
]
