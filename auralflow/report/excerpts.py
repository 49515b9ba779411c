"""Excerpts of evaluated tracks, short enough for a page: where they lie, and the signals in them."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from auralflow.report.players import Example
from auralflow_core.data.track import Track
from auralflow_core.evaluation.metrics import is_silent
from auralflow_core.storage.temp_arrays import Allocate, in_memory

PLAYERS = 12  # at most, unless a single track has more targets
SECONDS = 12.0  # of an excerpt
STEP = 0.1  # seconds between the places where one may begin


class Excerpts:
    """Collects the loudest seconds of each target of some tracks while models are evaluated.

    Which tracks, and which seconds of them, depends on the truth alone: every model is heard at the same places.

    Args:
        tracks: all that are evaluated; those heard lie evenly among them.
        targets: of all models together.
        allocate: makes the arrays that the excerpts wait in.
    """

    def __init__(self, tracks: Sequence[Track], targets: Collection[str], allocate: Allocate = in_memory):
        count = min(len(tracks), max(1, PLAYERS // len(targets)))
        self.tracks = [tracks[round(place)] for place in np.linspace(0, len(tracks) - 1, count)]
        self._allocate = allocate
        self._starts: dict[tuple[str, str], int] = {}
        self._signals: dict[tuple[str, str], dict[str, np.ndarray]] = {}

    def add(
        self,
        model: str,
        track: Track,
        mixture: np.ndarray,
        truths: Mapping[str, np.ndarray],
        estimates: Mapping[str, np.ndarray],
    ) -> None:
        """Keeps what is to be heard of a track; a silent target is left out.

        Args:
            model: name of the estimates.
            track: whose signals these are, whole and at its rate.
            mixture: (channels, samples).
            truths: of each target, same shape.
            estimates: of each target, same shape.
        """
        if track not in self.tracks:
            return
        window = min(track.samples, round(SECONDS * track.sample_rate))
        for target, truth in truths.items():
            if is_silent(truth):
                continue
            place = (track.name, target)
            if place not in self._signals:
                start = self._starts[place] = loudest(truth, window, max(1, round(STEP * track.sample_rate)))
                self._signals[place] = {
                    "Mixture": self._cut(mixture, start, window),
                    "Truth": self._cut(truth, start, window),
                }
            self._signals[place][model] = self._cut(estimates[target], self._starts[place], window)

    def examples(self) -> list[Example]:
        """What was kept, by track and target: the mixture, the models in the order in which they came, the truth."""
        found = []
        for track in self.tracks:
            for (name, target), signals in self._signals.items():
                if name == track.name:
                    models = {key: audio for key, audio in signals.items() if key not in ("Mixture", "Truth")}
                    versions = {"Mixture": signals["Mixture"], **models, "Truth": signals["Truth"]}
                    found.append(
                        Example(
                            name, target, versions, track.sample_rate, self._starts[name, target] / track.sample_rate
                        )
                    )
        return found

    def _cut(self, audio: np.ndarray, start: int, samples: int) -> np.ndarray:
        copy = self._allocate((len(audio), samples))
        copy[:] = audio[:, start : start + samples]
        return copy


def loudest(audio: np.ndarray, window: int, step: int) -> int:
    """Where the part of a signal with most energy begins.

    Args:
        audio: (channels, samples).
        window: length of the part, in samples, at most the signal's.
        step: between the places that are compared, in samples.

    Returns:
        The first sample; the earliest of equals.

    Example:
        >>> loudest(np.array([[0, 0, 1, 5, 5, 0, 1]]), 2, 1)
        3
    """
    samples = audio.shape[1]
    energies = [np.sum(np.square(audio[:, at : at + step], dtype=np.float64)) for at in range(0, samples, step)]
    total = np.concatenate([[0.0], np.cumsum(energies)])
    steps = min(len(energies), -(-window // step))
    return min(int(np.argmax(total[steps:] - total[:-steps])) * step, samples - window)
