"""Evaluating a model on the tracks of a dataset."""

from collections.abc import Callable, Collection, Mapping, Sequence

from auralflow.evaluation import Row, evaluate_track
from auralflow.stems import Separate
from auralflow.tracks import Track, expand_targets, read_mixture, read_stems


def evaluate_tracks(
    tracks: Sequence[Track],
    targets: Sequence[str],
    sums: Mapping[str, Collection[str]],
    separate: Separate,
    progress: Callable[[str, float], None] = lambda name, seconds: None,
    museval: bool = False,
) -> tuple[list[Row], dict[str, list[str]]]:
    """Separates the mixture of every track, whole and at the track's rate, and compares with the truth.

    Args:
        tracks: from `tracks.find_tracks`.
        targets: that the model separates, in its order.
        sums: named sums of stems, `dataset.sources` of a configuration.
        separate: the model.
        progress: told the track's name and how many seconds of it are separated.
        museval: also let museval measure, which takes seconds for each track.

    Returns:
        The rows of `evaluation.evaluate_track`; and the silent targets, which have none, of each track that has some.

    Raises:
        InputError: a target that the tracks do not have.
    """
    parts = expand_targets(targets, tracks[0].stems, sums)
    rows, silent = [], {}
    for track in tracks:
        rate = track.sample_rate
        whole = (0, track.samples, rate, track.channels)
        mixture = read_mixture(track, *whole)
        truths = {target: read_stems(track, stems, *whole).sum(axis=0) for target, stems in parts.items()}
        estimates = separate(mixture, rate, lambda seconds, name=track.name: progress(name, seconds))
        figures, mute = evaluate_track(track.name, mixture, truths, dict(zip(targets, estimates, strict=True)),
                                       rate if museval else None)
        rows += figures
        if mute:
            silent[track.name] = mute
    return rows, silent
