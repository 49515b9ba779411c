"""The estimates of several models as those of one, piece by piece: their mean, or a chain of them."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import numpy as np

from auralflow_core.config.ensemble import Ensemble
from auralflow_core.dsp.magnitudes import Statistic, merge_spectra
from auralflow_core.dsp.streams import aligned

# A function of a member's number, the places of targets among the member's own, and a mixture in pieces (channels,
# samples): the estimates of these targets in pieces (targets, channels, samples).
Run = Callable[[int, list[int], Iterable[np.ndarray]], Iterator[np.ndarray]]


def combine_members(
    settings: Ensemble, targets: Sequence[Sequence[str]], run: Run, blocks: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """Separates a mixture by several models, each of which gets it as it comes, in memory that does not grow.

    Args:
        settings: of the ensemble. Members that have no weight are not run.
        targets: of each member, in its order.
        run: separates by one member.
        blocks: the mixture, pieces (channels, samples).

    Yields:
        Pieces (targets, channels, samples), float32: targets without a weight are silent.
    """
    weights = settings.member_weights
    parts = {index: np.flatnonzero(shares) for index, shares in enumerate(weights) if shares.any()}  # member -> ours
    theirs = {
        index: [targets[index].index(settings.targets[place]) for place in places] for index, places in parts.items()
    }
    join = _chain if settings.combine == "chain" else _side_by_side
    placed = aligned(*join(theirs, run, blocks))
    if settings.combine in ("mean", "chain"):
        yield from _sums(placed, parts, weights)
    else:
        rows = weights[list(parts)]
        yield from merge_spectra(_stacks(placed, parts, len(settings.targets)), rows, cast(Statistic, settings.combine))


def _side_by_side(theirs: dict[int, list[int]], run: Run, blocks: Iterable[np.ndarray]) -> list[Iterator[np.ndarray]]:
    """The estimates of all members, which hear the same."""
    copies = itertools.tee(blocks, len(theirs))
    return [run(index, places, copy) for (index, places), copy in zip(theirs.items(), copies, strict=True)]


def _chain(theirs: dict[int, list[int]], run: Run, blocks: Iterable[np.ndarray]) -> list[Iterator[np.ndarray]]:
    """The estimates of all members, each of which hears what those before it leave of the mixture."""
    outputs = []
    for number, (index, places) in enumerate(theirs.items(), 1):
        if number == len(theirs):  # nobody hears what it leaves
            outputs.append(run(index, places, blocks))
            break
        heard, kept = itertools.tee(blocks)
        estimates, subtracted = itertools.tee(run(index, places, heard))
        outputs.append(estimates)
        blocks = _rest(kept, subtracted)
    return outputs


def _rest(mixture: Iterable[np.ndarray], estimates: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for mixed, taken in aligned(mixture, estimates):
        yield mixed - taken.sum(0)


def _sums(
    placed: Iterable[tuple[np.ndarray, ...]], parts: dict[int, np.ndarray], weights: np.ndarray
) -> Iterator[np.ndarray]:
    """The weighted sums of estimates."""
    for pieces in placed:
        total = np.zeros((weights.shape[1], *pieces[0].shape[1:]), np.float32)
        for (index, places), piece in zip(parts.items(), pieces, strict=True):
            total[places] += weights[index, places, None, None].astype(np.float32) * piece
        yield total


def _stacks(
    placed: Iterable[tuple[np.ndarray, ...]], parts: dict[int, np.ndarray], targets: int
) -> Iterator[np.ndarray]:
    """Estimates (members, targets, channels, samples), silent where a member has no part in a target."""
    for pieces in placed:
        stack = np.zeros((len(parts), targets, *pieces[0].shape[1:]), np.float32)
        for row, (places, piece) in enumerate(zip(parts.values(), pieces, strict=True)):
            stack[row, places] = piece
        yield stack
