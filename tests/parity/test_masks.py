"""Masks that meet and masks that continue upwards, in both packages, against their formulas."""

import numpy as np
import pytest
import scipy.special

MASKS = np.random.default_rng(0).uniform(-2, 2, (2, 3, 2, 4, 5)).astype(np.float32)  # batch, targets, channels, ...


def test_masks_are_joined_over_the_targets(backend):
    join = backend.masking.join
    np.testing.assert_allclose(
        backend.run(join, MASKS, joiner="softmax"), scipy.special.softmax(MASKS, axis=1), rtol=1e-5
    )
    np.testing.assert_allclose(
        backend.run(join, MASKS, joiner="ratio"), MASKS**2 / (MASKS**2).sum(1, keepdims=True), rtol=1e-5
    )
    np.testing.assert_array_equal(backend.run(join, MASKS, joiner="independent"), MASKS)


def test_where_no_target_claims_a_bin_none_gets_it(backend):
    nothing = np.zeros_like(MASKS)
    assert not np.any(backend.run(backend.masking.join, nothing, joiner="ratio"))
    assert np.all(np.isfinite(backend.gradients(backend.masking.join, nothing, joiner="ratio")[0]))


@pytest.mark.parametrize(
    ("high_bins", "above"),
    [("zeros", np.zeros((2, 3, 2, 1, 5))), ("last", MASKS[..., -1:, :]), ("mean", MASKS.mean(-2, keepdims=True))],
)
def test_masks_continue_above_what_the_network_sees(backend, high_bins, above):
    whole = backend.run(backend.masking.extend, MASKS, bins=7, high_bins=high_bins)
    np.testing.assert_array_equal(whole[..., :4, :], MASKS)
    np.testing.assert_allclose(whole[..., 4:, :], np.broadcast_to(above, (2, 3, 2, 3, 5)), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(backend.run(backend.masking.extend, MASKS, bins=4, high_bins=high_bins), MASKS)


@pytest.mark.parametrize("joiner", ["softmax", "ratio", "independent"])
@pytest.mark.parametrize("high_bins", ["zeros", "last", "mean"])
def test_both_packages_agree_with_their_gradients(backends, joiner, high_bins):
    masks, weight = MASKS.astype(np.float64), np.random.default_rng(1).uniform(-1, 1, (2, 3, 2, 7, 5))

    def sides(backend):
        def weighted(mask, weight):
            return backend.masking.extend(backend.masking.join(mask, joiner), 7, high_bins) * weight

        return backend.run(weighted, masks, weight), *backend.gradients(weighted, masks, weight)

    for ours, theirs in zip(*map(sides, backends), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
