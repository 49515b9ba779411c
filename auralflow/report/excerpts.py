"""Excerpts of evaluated tracks, short enough for a page: their places and their signals."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from auralflow.report.players import Example
from auralflow_core.data.track import Track
from auralflow_core.dsp.excerpts import loudest
from auralflow_core.evaluation.metrics import is_silent
from auralflow_core.storage.temp_arrays import Allocate, in_memory

PLAYERS = 12  # at most, unless a single track has more targets
SECONDS = 12.0  # of an excerpt
STEP = 0.1  # seconds between the places where one may begin


class Excerpts:
    """Collects some seconds of each target of some tracks while models are evaluated.

    They are those in which most is heard of the target and of the rest at the same time: where a target is alone, there
    is nothing to separate. The choice of tracks and seconds depends on the references alone, so that all models are
    heard at the same places.

    Args:
        tracks: all tracks of the evaluation; the excerpts come from some of them, evenly chosen.
        targets: of all models together.
        allocate: makes the arrays that hold the excerpts.
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
        references: Mapping[str, np.ndarray],
        estimates: Mapping[str, np.ndarray],
    ) -> None:
        """Copies the excerpts of a track; a silent target has none.

        Args:
            model: the name of the estimates.
            track: the track; its signals are whole and at its rate.
            mixture: (channels, samples).
            references: the true signal of each target, same shape.
            estimates: the estimate of each target, same shape.
        """
        if track not in self.tracks:
            return
        window = min(track.samples, round(SECONDS * track.sample_rate))
        for target, reference in references.items():
            if is_silent(reference):
                continue
            place = (track.name, target)
            if place not in self._signals:
                step = max(1, round(STEP * track.sample_rate))
                start = self._starts[place] = loudest(reference, window, step, mixture)
                self._signals[place] = {
                    "Mixture": self._cut(mixture, start, window),
                    "Reference": self._cut(reference, start, window),
                }
            self._signals[place][model] = self._cut(estimates[target], self._starts[place], window)

    def examples(self) -> list[Example]:
        """The excerpts by track and target: the mixture, the models in the order of their evaluation, the reference."""
        found = []
        for track in self.tracks:
            for (name, target), signals in self._signals.items():
                if name == track.name:
                    models = {key: audio for key, audio in signals.items() if key not in ("Mixture", "Reference")}
                    versions = {"Mixture": signals["Mixture"], **models, "Reference": signals["Reference"]}
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
