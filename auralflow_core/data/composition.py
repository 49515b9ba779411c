"""How mixtures are made of their stems: found out from their inner products alone.

For the signals x_0, the mixture, and x_1, ..., x_n, the stems, all over the same samples, let G[i, j] be the sum of
x_i * x_j. Then c' G c is the energy of the sum of c_i * x_i, so that what any subset of the stems leaves of the mixture
is known without a second look at the audio.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

MATCH = 0.1  # share of the mixture's energy that may differ: lossy coding of each file leaves up to -15 dB
BEST = 4.0  # a subset is as good as the best one if it leaves at most this many times as much
EXACT = 1e-6  # and all that leave less are equally good
GAIN = 4.0  # largest level of a mixture against the sum of its stems, and 1 / the smallest, that counts as a level
LEAK = 0.25  # level at which a stem may be left in the remainder, or taken off too much
CHANCE = 0.03  # correlation that signals have which have nothing to do with each other
SILENT = 1e-12  # share of the energy of a track's loudest signal below which another is silent
MOST = 12  # stems of which all subsets are tried

# Whether all targets are sums of some stems, and, if so, of what these leave of the mixture.
Usable = Callable[[Sequence[str], bool], bool]


class Composition(NamedTuple):
    """The stems that add up to the mixtures of a dataset."""

    stems: tuple[str, ...]  # that are used
    remainder: bool = False  # what they leave of the mixture is one more stem
    sums: dict[str, tuple[str, ...]] = {}  # stems that are not used, each with those that it is the sum of
    extra: tuple[str, ...] = ()  # stems that are not used, as the others add up to the mixture without them
    share: float = 0.0  # of the mixture's energy that they and the remainder leave, in the median track
    problem: str = ""  # the end of a sentence: the stems cannot be used


def find_composition(
    products: np.ndarray, stems: Sequence[str], has_mixture: np.ndarray, usable: Usable
) -> Composition:
    """Finds the stems that add up to the mixtures, in at least half of the tracks.

    The largest such set is taken of which the targets can be made. If there is none, but what the stems leave of the
    mixtures has nothing to do with them, the remainder counts as a stem.

    Args:
        products: (tracks, 1 + stems, 1 + stems), the inner products G of each track's mixture and stems.
        stems: their names.
        has_mixture: (tracks,), whether the track has a mixture of its own; the row of others is not read.
        usable: decides which sets of stems will do.
    """
    if not len(products) or len(stems) > MOST:
        return Composition(tuple(stems))
    if len(stems) == 1 and not has_mixture.any():
        return Composition(
            tuple(stems),
            problem=f"{stems[0]} is all that its tracks hold, so that there is nothing to separate it from; each track "
            "needs a mixture, or a file of the rest, such as accompaniment.wav",
        )
    if not (usable(stems, False) or usable(stems, True)):
        usable = _any_set  # a target is unknown, which is not for this function to say
    products = _with_mixtures(products, has_mixture)
    subsets = _subsets(len(stems))
    by_size = sorted(range(len(subsets)), key=lambda index: -subsets[index].sum())
    shares, fits = np.ones(len(subsets)), list[int]()
    for gain in (1.0, GAIN):  # at another level also sets fit in which everything counts twice
        shares = _median(np.stack([remaining(product, subsets, gain) for product in products]))
        # A mixture that is hardly more than its only stem is still more.
        limit = min(max(BEST * shares.min(), EXACT), MATCH if len(stems) > 1 else EXACT)
        fits = fits or [index for index in by_size if shares[index] <= limit]
    for index in fits:
        if usable(_names(stems, subsets[index]), False):
            return _explain(products, stems, subsets[index])._replace(share=float(shares[index]))
    if 2 * has_mixture.sum() >= len(products):
        for index in by_size:
            if usable(_names(stems, subsets[index]), True) and is_separate(products[has_mixture], subsets[index]):
                return _explain(products, stems, subsets[index])._replace(remainder=True)
    problem = (
        _overlap(products, stems, subsets[fits[0]]) if fits else _UNKNOWN.format(*stems) if len(stems) == 1 else ""
    )
    return Composition(tuple(stems), share=float(shares[by_size[0]]), problem=problem)


def remaining(product: np.ndarray, subsets: np.ndarray, gain: float = GAIN) -> np.ndarray:
    """The share of the mixture's energy that is left when a sum of stems, at its best level, is subtracted from it.

    Args:
        product: G, (1 + stems, 1 + stems).
        subsets: (subsets, stems), 1 for each stem that belongs to the sum, else 0.
        gain: the largest factor by which that level may differ from the sum's own; 1: it may not.

    Returns:
        (subsets,), from 0 on; NaN where the mixture is silent.
    """
    if product[0, 0] <= 0:
        return np.full(len(subsets), np.nan)
    gains = np.clip(level(product, subsets), 1 / gain, gain)
    across, energy = subsets @ product[1:, 0], _energies(product, subsets)
    return np.maximum(product[0, 0] - 2 * gains * across + gains**2 * energy, 0) / product[0, 0]


def level(product: np.ndarray, subsets: np.ndarray) -> np.ndarray:
    """The factor of each sum that comes closest to the mixture; 1 for silent ones. Arguments as `remaining`."""
    across, energy = subsets @ product[1:, 0], _energies(product, subsets)
    return np.divide(across, energy, out=np.ones(len(subsets)), where=energy > SILENT * product[0, 0])


def is_separate(products: np.ndarray, subset: np.ndarray) -> bool:
    """Whether the mixtures less some stems no longer hold anything of these stems, in half of the tracks or more.

    Then they are part of the mixture just as they are: at another level, or delayed, some of them would be left.

    Args:
        products: (tracks, 1 + stems, 1 + stems).
        subset: (stems,), 1 for each stem that is taken off.
    """
    found = _median(np.stack([leaks(product, subset) for product in products])[:, subset > 0])
    return bool((found[np.isfinite(found)] <= LEAK).all())


def leaks(product: np.ndarray, subset: np.ndarray) -> np.ndarray:
    """The level at which each stem is left in the mixture less some stems, beyond what may be chance.

    Args:
        product: G, (1 + stems, 1 + stems).
        subset: (stems,), 1 for each stem that is taken off.

    Returns:
        (stems,), from 0 on; NaN where the stem is silent.
    """
    signs = np.append(1.0, -subset)
    across, energy = (product @ signs)[1:], np.diag(product)[1:]
    rest = max(float(signs @ product @ signs), 0.0)
    excess = np.maximum(np.abs(across) - CHANCE * np.sqrt(rest * energy), 0)
    sounds = energy > SILENT * product.diagonal().max()
    return np.divide(excess, energy, out=np.full(len(energy), np.nan), where=sounds)


def find_swapped(product: np.ndarray) -> int | None:
    """The stem that is the sum of the mixture and all others, as where the two files are swapped; or None."""
    count = len(product) - 1
    for stem in range(1, count + 1) if count > 1 else ():
        signs = np.array([1.0 if index == stem else -1.0 for index in range(count + 1)])
        if (
            product[0, 0] > SILENT * product[stem, stem] > 0
            and signs @ product @ signs <= MATCH**2 * product[stem, stem]
        ):
            return stem - 1
    return None


def find_absent(product: np.ndarray) -> list[int]:
    """The stems that sound, and that the mixture holds at less than half of their level, by least squares."""
    energy = np.diag(product)[1:]
    sounding = np.flatnonzero(energy > 1e-4 * max(product[0, 0], 1e-30))
    if not sounding.size or product[0, 0] <= 0:
        return []
    stems = product[1:, 1:][np.ix_(sounding, sounding)]
    found = np.linalg.lstsq(stems, product[1:, 0][sounding], rcond=1e-9)[0]
    return [int(stem) for stem, share in zip(sounding, found, strict=True) if share < 0.5]


def _with_mixtures(products: np.ndarray, has_mixture: np.ndarray) -> np.ndarray:
    """Where there is no mixture, the sum of the stems that are no sums of others stands for it."""
    count = products.shape[-1] - 1
    independent = np.ones(count)
    for stem in reversed(range(count)):
        others = independent * (np.arange(count) != stem)
        subsets = _subsets(count, others)
        if len(subsets) and _as_sums(products, stem, subsets, upper=True).min() <= MATCH**2:
            independent = others
    weights = np.vstack([independent, np.eye(count)])  # (1 + stems, stems)
    made = weights @ products[:, 1:, 1:] @ weights.T
    return np.where(has_mixture[:, None, None], products, made)


def _explain(products: np.ndarray, stems: Sequence[str], subset: np.ndarray) -> Composition:
    """The composition of a set of stems, with the reason why each of the others is not used."""
    sums, extra = {}, []
    subsets = _subsets(len(stems), subset)
    for stem in map(int, np.flatnonzero(subset == 0)):
        shares = _as_sums(products, stem, subsets)
        good = np.flatnonzero(shares <= min(MATCH, max(BEST * shares.min(), EXACT)))
        if good.size:
            sums[stems[stem]] = _names(stems, subsets[min(good, key=lambda index: subsets[index].sum())])
        else:
            extra.append(stems[stem])
    return Composition(_names(stems, subset), sums=sums, extra=tuple(extra))


def as_sum(name: str, parts: Sequence[str]) -> str:
    """Says of which stems one is the sum."""
    return f"{name} is {'the sum of' if len(parts) > 1 else 'the same as'} {' and '.join(parts)}"


def _overlap(products: np.ndarray, stems: Sequence[str], subset: np.ndarray) -> str:
    """The end of a sentence about stems that add up to the mixture, but of which the targets cannot be made."""
    found = _explain(products, stems, subset)
    reasons = [as_sum(name, parts) for name, parts in found.sums.items()]
    reasons += [f"the others add up to the mixture without {name}" for name in found.extra]
    return f"{'; '.join(reasons)}, and without that a target cannot be made; dataset.sources can name sums of stems"


def _as_sums(products: np.ndarray, stem: int, subsets: np.ndarray, upper: bool = False) -> np.ndarray:
    """The share of a stem's energy that sums of others leave of it, in the median track: (subsets,)."""
    order = [stem + 1, *range(1, products.shape[-1])]  # the stem in the place of the mixture
    shares = np.stack([remaining(product[np.ix_(order, order)], subsets, gain=1) for product in products])
    return _median(shares, upper)


def _energies(product: np.ndarray, subsets: np.ndarray) -> np.ndarray:
    return ((subsets @ product[1:, 1:]) * subsets).sum(axis=1)


def _subsets(count: int, of: np.ndarray | float = 1.0) -> np.ndarray:
    """All sets of stems, or of some of them, but the empty one: (sets, count), at most 2 ** count - 1."""
    found = (np.arange(1, 2**count)[:, None] >> np.arange(count) & 1).astype(float)
    return found[(found <= of).all(axis=1)]


def _any_set(stems: Sequence[str], remainder: bool) -> bool:
    return True


_UNKNOWN = (
    "the mixtures are more than their only stem, {0}, and what is left of them cannot be taken for another stem, as "
    "{0} is not part of them as its file has it, but louder, softer, delayed or changed; each track needs a file of "
    "the rest, such as accompaniment.wav"
)


def _names(stems: Sequence[str], subset: np.ndarray) -> tuple[str, ...]:
    return tuple(name for name, used in zip(stems, subset, strict=True) if used)


def _median(values: np.ndarray, upper: bool = False) -> np.ndarray:
    """The lower or upper median over the first axis. NaN does not count; all NaN give infinity."""
    ordered = np.sort(np.where(np.isnan(values), np.inf, values), axis=0)
    counts = (~np.isnan(values)).sum(axis=0)
    places = np.clip(counts // 2 if upper else (counts - 1) // 2, 0, len(values) - 1)
    return np.take_along_axis(ordered, places[None], axis=0)[0]
