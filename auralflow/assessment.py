"""Evaluating a model on the tracks of a dataset."""

from collections.abc import Callable, Sequence

from auralflow.evaluation import Row, evaluate_track
from auralflow.separation import Separator, separate
from auralflow.tracks import Track, expand_targets, read_mixture, read_stems


def evaluate_tracks(
    tracks: Sequence[Track],
    separator: Separator,
    progress: Callable[[str, float], None] = lambda name, seconds: None,
    museval: bool = False,
) -> tuple[list[Row], dict[str, list[str]]]:
    """Separates the mixture of every track, whole and at the track's rate, and compares with the truth.

    Args:
        tracks: from `tracks.find_tracks`.
        separator: the model.
        progress: told the track's name and how many seconds of it are separated.
        museval: also let museval measure, which takes seconds for each track.

    Returns:
        The rows of `evaluation.evaluate_track`; and the silent targets, which have none, of each track that has some.

    Raises:
        InputError: a target that the tracks do not have.
    """
    parts = expand_targets(separator.targets, tracks[0].stems, separator.config.dataset.sources)
    rows, silent = [], {}
    for track in tracks:
        rate = track.sample_rate
        whole = (0, track.samples, rate, track.channels)
        mixture = read_mixture(track, *whole)
        truths = {target: read_stems(track, stems, *whole).sum(axis=0) for target, stems in parts.items()}
        estimates = separate(separator, mixture, rate,
                             progress=lambda samples, track=track: progress(track.name, samples / track.sample_rate))
        figures, mute = evaluate_track(track.name, mixture, truths, dict(zip(parts, estimates, strict=True)),
                                       rate if museval else None)
        rows += figures
        if mute:
            silent[track.name] = mute
    return rows, silent
