import numpy as np
import pytest

from auralflow_jax.data.augment import flip_polarity, random_gain, swap_channels

AUGMENTATIONS = [lambda stems, rng: random_gain(stems, rng, 6.0), flip_polarity, swap_channels]


@pytest.fixture
def stems():
    return np.random.default_rng(7).standard_normal((500, 2, 3)).astype(np.float32)


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_pure_and_deterministic(stems, augment):
    before = stems.copy()
    first, again = (augment(stems, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(stems, before)
    np.testing.assert_array_equal(first, again)
    assert first.shape == stems.shape and first.dtype == np.float32 and not np.shares_memory(first, stems)
    assert not np.array_equal(first, augment(stems, np.random.default_rng(2)))


def test_gain_is_uniform_in_decibels(stems):
    ratios = random_gain(stems, np.random.default_rng(1), 6.0) / stems
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[:, :1, :1], ratios.shape), rtol=1e-5)
    decibels = 20 * np.log10(ratios[:, 0, 0])
    assert -6 <= decibels.min() < -5.8 and 5.8 < decibels.max() <= 6
    # A uniform variable of width 12 has the standard deviation 12 / sqrt(12); four of them, over sqrt(500) draws.
    assert abs(decibels.mean()) < 4 * 12 / np.sqrt(12 * 500)
    np.testing.assert_array_equal(random_gain(stems, np.random.default_rng(1), 0.0), stems)


def test_polarity_of_every_second_stem(stems):
    signs = flip_polarity(stems, np.random.default_rng(1)) / stems
    assert set(signs.ravel()) == {-1, 1}
    assert (signs == signs[:, :1, :1]).all()
    assert abs((signs[:, 0, 0] < 0).mean() - 0.5) < 4 * 0.5 / np.sqrt(500)


def test_channels_of_every_second_stem(stems):
    result = swap_channels(stems, np.random.default_rng(1))
    swapped = (result == stems[:, ::-1]).all(axis=(1, 2))
    assert (swapped | (result == stems).all(axis=(1, 2))).all()
    assert abs(swapped.mean() - 0.5) < 4 * 0.5 / np.sqrt(500)
