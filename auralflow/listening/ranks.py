"""Ranks of the systems of a listening test: whose ratings count, means, medians and comparisons."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from auralflow.listening.results import RatedTrial, Session
from auralflow.listening.statistics import Interval, holm, mean_interval, median_interval, paired_p
from auralflow.listening.stimuli import Kind

EXPERT = 90  # the hidden reference is rated so high by listeners who hear it
SHARE = 0.15  # of the pages, on which they may miss it
ALL = "all targets"  # in place of a target's name


class Rank(NamedTuple):
    """A row of the table.

    Attributes:
        target: the target whose pages count, or `ALL`.
        place: 1 for the highest mean of the target.
        name: of the system, the hidden reference or an anchor.
        kind: which of them it is.
        mean: over the listeners, of each listener's mean over the pages.
        median: of all ratings.
        ratings: their number.
    """

    target: str
    place: int
    name: str
    kind: Kind
    mean: Interval
    median: Interval
    ratings: int


class Comparison(NamedTuple):
    """Two systems on the pages that have both.

    Attributes:
        target: as in `Rank`.
        first, second: their names; the first has the higher mean.
        difference: the first's rating less the second's, as the mean over listeners.
        p: of the paired t-test, corrected by Holm for all pairs of the target.
    """

    target: str
    first: str
    second: str
    difference: Interval
    p: float


class Ranking(NamedTuple):
    """The outcome of a listening test.

    Attributes:
        listeners: names of those whose ratings count.
        excluded: names of the others, each with the number of pages on which the hidden reference was missed.
        pages: the number of pages of each session.
        ranks: rows by target and place.
        comparisons: of all pairs of systems, by target.
    """

    listeners: list[str]
    excluded: list[tuple[str, int]]
    pages: int
    ranks: list[Rank]
    comparisons: list[Comparison]


def rank_systems(sessions: Sequence[Session]) -> Ranking:
    """Ranks what the listeners rated.

    Listeners who rated the hidden reference below 90 on more than 15 % of the pages do not count, as ITU-R BS.1534-3
    asks for in its section about post-screening.

    Args:
        sessions: of one test, from `read_sessions`.
    """
    missed = [sum(map(_misses_reference, session.trials)) for session in sessions]
    pages = len(sessions[0].trials)
    counted = [session for session, number in zip(sessions, missed, strict=True) if number <= SHARE * pages]
    excluded = [
        (session.listener, number) for session, number in zip(sessions, missed, strict=True) if number > SHARE * pages
    ]
    ranks, comparisons = [], []
    if counted:
        targets = sorted({trial.target for trial in sessions[0].trials})
        for target in [ALL, *targets] if len(targets) > 1 else targets:
            ratings, kinds = _ratings(counted, target)
            rows = _rank(target, ratings, kinds)
            ranks += rows
            comparisons += _compare(target, ratings, [row.name for row in rows if row.kind == "system"])
    return Ranking([session.listener for session in counted], excluded, pages, ranks, comparisons)


def _misses_reference(trial: RatedTrial) -> bool:
    return any(rating.kind == "reference" and rating.rating < EXPERT for rating in trial.ratings)


def _ratings(sessions: Sequence[Session], target: str) -> tuple[dict[str, np.ndarray], dict[str, Kind]]:
    """By name: ratings (listeners, pages), NaN where a page does not have the stimulus; and its kind."""
    pages = [(trial.track, trial.target, trial.start) for trial in sessions[0].trials if target in (ALL, trial.target)]
    found: dict[str, np.ndarray] = {}
    kinds: dict[str, Kind] = {}
    for row, session in enumerate(sessions):
        for trial in session.trials:
            if (place := (trial.track, trial.target, trial.start)) in pages:
                for rating in trial.ratings:
                    array = found.setdefault(rating.name, np.full((len(sessions), len(pages)), np.nan))
                    array[row, pages.index(place)] = rating.rating
                    kinds[rating.name] = rating.kind
    return found, kinds


def _rank(target: str, ratings: dict[str, np.ndarray], kinds: dict[str, Kind]) -> list[Rank]:
    rows = []
    for name, array in ratings.items():
        heard = array[:, ~np.isnan(array).any(axis=0)]
        rows.append((name, mean_interval(heard.mean(axis=1)), median_interval(heard), heard.size))
    rows.sort(key=lambda row: -row[1].value)
    return [Rank(target, place, name, kinds[name], *rest) for place, (name, *rest) in enumerate(rows, 1)]


def _compare(target: str, ratings: dict[str, np.ndarray], systems: Sequence[str]) -> list[Comparison]:
    found = []
    for first, second in combinations(systems, 2):
        differences = ratings[first] - ratings[second]
        differences = differences[:, ~np.isnan(differences).any(axis=0)]
        if differences.size:
            means = differences.mean(axis=1)
            found.append((first, second, mean_interval(means), paired_p(means)))
    corrected = holm([p for *_, p in found])
    return [
        Comparison(target, first, second, difference, p)
        for (first, second, difference, _), p in zip(found, corrected, strict=True)
    ]
