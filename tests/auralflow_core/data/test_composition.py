import re

import numpy as np
import pytest

from auralflow_core.data.composition import EXACT, find_absent, find_composition, find_swapped, leaks, level, remaining

V, D, B, R = np.random.default_rng(0).standard_normal((4, 20000))
S = np.zeros(20000)


def inner(*signals):
    return np.array(signals) @ np.array(signals).T


def compose(mixture, stems, targets=("v",), tracks=3):
    """The composition of tracks that are all alike; a target is a stem, or "a" where v is not its only stem."""
    products = np.stack([inner(S if mixture is None else mixture, *stems.values())] * tracks)

    def usable(names, remainder):
        return all(target in names or (target == "a" and (len(names) > 1 or remainder)) for target in targets)

    found = find_composition(products, list(stems), np.full(tracks, mixture is not None), usable)
    return found.problem or (found.stems, found.remainder, found.sums, found.extra)


@pytest.mark.parametrize(
    "mixture, stems, targets, stems_used, remainder, sums, extra",
    [
        (V + D + B, {"b": B, "d": D, "v": V}, "v", "bdv", False, {}, ""),
        (None, {"b": B, "d": D, "v": V}, "v", "bdv", False, {}, ""),
        # Overlap: the finest stems of which the targets can be made.
        (V + D + B, {"a": D + B, "b": B, "d": D, "v": V}, "va", "bdv", False, {"a": ("b", "d")}, ""),
        (None, {"a": D + B, "b": B, "d": D, "v": V}, "va", "bdv", False, {"a": ("b", "d")}, ""),
        (None, {"d": D, "e": D, "v": V}, "v", "dv", False, {"e": ("d",)}, ""),
        (V + D, {"d": D, "m": V + D, "v": V}, "v", "dv", False, {"m": ("d", "v")}, ""),
        (V + D + B + R, {"k": D + B + R, "b": B, "d": D, "v": V}, "vd", "bdv", True, {}, "k"),
        (V + D, {"d": D, "o": R, "v": V}, "v", "dv", False, {}, "o"),
        # The part that the stems leave.
        (V + D, {"v": V}, "v", "v", True, {}, ""),
        (V + D, {"v": V}, "va", "v", True, {}, ""),
        (V + 0.05 * D, {"v": V}, "v", "v", True, {}, ""),
        (V + D + B, {"d": D, "v": V}, "v", "dv", True, {}, ""),
        (V + D, {"d": D, "v": V, "s": S}, "v", "dvs", False, {}, ""),
        (0.3 * (V + D), {"d": D, "v": V}, "v", "dv", False, {}, ""),  # softer, nothing is left
        (V + D + 0.2 * R, {"d": D, "v": V}, "v", "dv", False, {}, ""),  # as lossy coding leaves: -14 dB
        (np.tanh(2 * (V + D)), {"d": D, "v": V}, "v", "dv", False, {}, ""),  # compressed: no remainder
    ],
)
def test_the_stems_that_add_up_to_the_mixture(mixture, stems, targets, stems_used, remainder, sums, extra):
    assert compose(mixture, stems, targets) == (tuple(stems_used), remainder, sums, tuple(extra))


@pytest.mark.parametrize(
    "mixture, stems, targets, words",
    [
        (2 * V + D, {"v": V}, "v", "the mixtures are more than their only stem, v, .*louder, softer, delayed"),
        (np.roll(V, 1) + D, {"v": V}, "v", "the mixtures are more than their only stem, v"),
        (None, {"v": V}, "v", "v is all that its tracks hold"),
        (V + D + B, {"k": D + B, "b": B, "d": D, "v": V}, "kd", "k is the sum of b and d, and without that a target"),
    ],
)
def test_stems_that_cannot_be_used_are_refused(mixture, stems, targets, words):
    assert re.match(words, str(compose(mixture, stems, targets)))


def test_a_minority_of_tracks_decides_nothing():
    good, bad = inner(V + D, D, V), inner(V + D + B, D, V)
    found = find_composition(np.stack([good, good, bad]), ["d", "v"], np.full(3, True), lambda names, remainder: True)
    assert not found.remainder and found.share <= EXACT


def test_shares_and_levels_have_their_closed_forms():
    product = np.array([[4.0, 1.0, 2.0], [1.0, 1.0, 0.5], [2.0, 0.5, 2.0]])
    both, one = np.array([1.0, 1.0]), np.array([0.0, 1.0])
    # Least squares: the level is <m, s> / <s, s>, what is left is 1 - <m, s>^2 / (<m, m> <s, s>).
    np.testing.assert_allclose(level(product, np.stack([both, one])), [3 / 4, 2 / 2])
    np.testing.assert_allclose(remaining(product, np.stack([both, one])), [1 - 9 / 16, 1 - 4 / 8])
    np.testing.assert_allclose(remaining(product, both[None], gain=1), [(4 - 6 + 4) / 4])
    assert np.isnan(remaining(np.zeros((3, 3)), both[None])).all()
    louder = leaks(inner(1.5 * V + D, V), np.array([1.0]))
    assert louder == pytest.approx(0.5, abs=0.05)


def test_files_in_wrong_places_are_found():
    assert find_swapped(inner(V, D, V + D + B, B)) == 1  # mixture and the second stem
    assert find_swapped(inner(V + D + B, D, V, B)) is None and find_swapped(inner(S, S, S)) is None
    assert find_absent(inner(V + D, D, R)) == [1] and find_absent(inner(V + D, D, V)) == []
    assert find_absent(inner(V + D, D, S, V)) == []  # a silent stem is not missed
