"""Evaluating a model on the tracks of a dataset."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from auralflow_core.data.crops import read_mixture, read_stems
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.evaluation.stem_files import StemFiles
from auralflow_core.evaluation.table import Row
from auralflow_core.evaluation.track import FramewiseMetric, Signals, evaluate_track
from auralflow_core.separation.separator import Separator, separate_blocks
from auralflow_core.separation.song_level import song_level
from auralflow_core.storage.temp_arrays import Allocate, in_files, pieces

Visit = Callable[[Track, np.ndarray, Signals, Signals], None]  # a track, its mixture, references and estimates


def evaluate_tracks(
    tracks: Sequence[Track],
    separator: Separator | StemFiles,
    framewise: FramewiseMetric | None = None,
    progress: Callable[[str, float], None] = lambda name, seconds: None,
    visit: Visit | None = None,
) -> tuple[list[Row], dict[str, list[str]]]:
    """Separates the mixture of every track, whole and at the track's rate, and compares with the references.

    Signals wait in temporary files, one track's at a time, so that memory does not grow with the tracks' lengths.

    Args:
        tracks: from `tracks.find_tracks`.
        separator: the model, or the files of stems that another program made of these tracks.
        framewise: a metric in addition to SI-SDR and SDR; see `evaluate_track`.
        progress: called with the name of the work and how many seconds of audio are done; every track counts twice,
            once as "separating", once as "scoring".
        visit: called with every track's signals, which are gone afterwards.

    Returns:
        The rows of `evaluate_track`; and the silent targets, which have no rows, of each track that has some.

    Raises:
        InputError: the tracks lack a target.
    """
    parts = expand_targets(separator.targets, tracks[0].stems, sources_of(separator))
    stems = [stem for names in parts.values() for stem in names]
    rows, silent = [], {}
    for track in tracks:
        with in_files() as allocate:
            mixture, references = _read(track, parts, allocate)
            separated = _estimate(separator, mixture, track, progress, allocate)
            estimates = dict(zip(parts, separated, strict=True))
            found, mute = evaluate_track(
                track.name,
                track.sample_rate,
                mixture,
                references,
                estimates,
                framewise,
                overlapping=len(set(stems)) < len(stems),
                allocate=allocate,
                progress=lambda share, track=track: progress(f"scoring {track.name}", share * track.seconds),
            )
            if visit:
                visit(track, mixture, references, estimates)
        rows += found
        if mute:
            silent[track.name] = mute
    return rows, silent


def _read(
    track: Track, parts: Mapping[str, Sequence[str]], allocate: Allocate
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The mixture and the reference of each target, (channels, samples)."""
    shape = (track.channels, track.samples)
    mixture, references = allocate(shape), {target: allocate(shape) for target in parts}
    for piece in pieces(track.samples):
        place = (piece.start, piece.stop - piece.start, track.sample_rate, track.channels)
        mixture[:, piece] = read_mixture(track, *place)
        for target, names in parts.items():
            references[target][:, piece] = read_stems(track, names, *place).sum(axis=0)
    return mixture, references


def sources_of(separator: Separator | StemFiles) -> Mapping[str, Sequence[str]]:
    """The named sums of stems among the targets."""
    return {} if isinstance(separator, StemFiles) else separator.config.dataset.sources


def _estimate(
    separator: Separator | StemFiles,
    mixture: np.ndarray,
    track: Track,
    progress: Callable[[str, float], None],
    allocate: Allocate,
) -> np.ndarray:
    """The estimates (targets, channels, samples)."""
    if isinstance(separator, StemFiles):
        return separator.read(track, allocate, lambda share: progress(f"reading {track.name}", share * track.seconds))
    return _separate(separator, mixture, track, progress, allocate)


def _separate(
    separator: Separator, mixture: np.ndarray, track: Track, progress: Callable[[str, float], None], allocate: Allocate
) -> np.ndarray:
    """The estimates (targets, channels, samples)."""
    estimates, done = allocate((len(separator.targets), *mixture.shape)), 0
    blocks = (mixture[:, piece] for piece in pieces(track.samples))
    level = song_level([mixture]) if separator.config.model.normalize_song else None
    for _, estimate in separate_blocks(separator, blocks, track.samples, track.sample_rate, level=level):
        estimates[..., done : done + estimate.shape[-1]] = estimate
        done += estimate.shape[-1]
        progress(f"separating {track.name}", done / track.sample_rate)
    return estimates
