"""SI-SDR and SDR in both packages, against published constants, scipy and the evaluation's float64."""

from functools import partial

import numpy as np
import pytest
import scipy.stats

from auralflow_core.evaluation import track as evaluation

TARGET = np.array([[3, -0.5, 2, 7]], np.float32)
ESTIMATE = np.array([[2.5, 0, 2, 8]], np.float32)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def si_sdr(backend):
    return partial(backend.run, backend.metrics.si_sdr)


@pytest.fixture
def sdr(backend):
    return partial(backend.run, backend.metrics.sdr)


def test_the_published_constants(si_sdr, sdr):
    np.testing.assert_allclose(si_sdr(ESTIMATE, TARGET), 18.4030, atol=1e-4)
    np.testing.assert_allclose(sdr(ESTIMATE, TARGET), 16.1805, atol=1e-4)


def test_each_item_is_one_signal_over_the_given_axes(si_sdr, sdr):
    target, estimate = noise(3, 4, 2, 100), noise(3, 4, 2, 100, seed=1)
    for metric, twin in ((si_sdr, evaluation.si_sdr), (sdr, evaluation.sdr)):
        for axis, by in (((-2, -1), (0, 1)), ((-1,), (0, 1, 2)), ((1, 3), (0, 2))):
            values = metric(estimate, target, axis=axis)
            for index in np.ndindex(values.shape):
                slot = [slice(None)] * 4
                for dimension, place in zip(by, index, strict=True):
                    slot[dimension] = place
                expected = twin(estimate[tuple(slot)], target[tuple(slot)])
                np.testing.assert_allclose(values[index], expected, rtol=1e-4, atol=1e-4)


def test_si_sdr_is_a_function_of_the_correlation(si_sdr):
    # |a s|^2 / |a s - e|^2 = r^2 / (1 - r^2), where r is the correlation of signals without a mean.
    target, estimate = noise(1, 1000), noise(1, 1000, seed=1) * 0.5
    estimate += target
    target, estimate = (signal - signal.mean() for signal in (target, estimate))
    r = scipy.stats.pearsonr(target[0].astype(np.float64), estimate[0].astype(np.float64)).statistic  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(si_sdr(estimate, target), 10 * np.log10(r**2 / (1 - r**2)), atol=1e-4)


@pytest.mark.parametrize("decibels", [-20, 0, 20, 60, 80])
def test_float32_holds_over_minutes(si_sdr, sdr, decibels):
    target = 0.1 * noise(2, 2_000_000)
    estimate = target + np.float32(0.1 * 10 ** (-decibels / 20)) * noise(2, 2_000_000, seed=1)
    np.testing.assert_allclose(si_sdr(estimate, target), evaluation.si_sdr(estimate, target), atol=1e-3)
    np.testing.assert_allclose(sdr(estimate, target), evaluation.sdr(estimate, target), atol=1e-3)


def test_signals_whose_energy_float32_cannot_hold(si_sdr, sdr):
    target, estimate = noise(2, 50), noise(2, 50, seed=1)
    for metric in (si_sdr, sdr):
        loud = metric(np.float32(1e30) * estimate, np.float32(1e30) * target)
        np.testing.assert_allclose(loud, metric(estimate, target), atol=1e-4)


def test_silence(si_sdr, sdr):
    silence, signal = np.zeros((1, 8), np.float32), np.ones((1, 8), np.float32)
    for metric in (si_sdr, sdr):
        assert np.isnan(metric(signal, silence)) and np.isnan(metric(silence, silence))
        assert metric(signal, signal) == np.inf
    assert si_sdr(silence, signal) == -np.inf  # nothing of the target
    assert sdr(silence, signal) == 0  # all of it lost, nothing added


def test_shapes_must_be_equal(si_sdr, sdr):
    for metric in (si_sdr, sdr):
        with pytest.raises(ValueError, match=r"Shape mismatch: got \(4,\) and \(4, 1\)\."):
            metric(np.ones(4, np.float32), np.ones((4, 1), np.float32))


def test_sums_over_pieces_give_the_whole_signals_ratio(backend):
    target, estimate = noise(3, 2, 1000), noise(3, 2, 1000, seed=1)
    estimate += 5 * target
    sums = np.zeros((3, 3), np.float32)
    for start in range(0, 1000, 300):
        t, e = target[..., start : start + 300], estimate[..., start : start + 300]
        sums += np.stack([(e * t).sum((1, 2)), (t**2).sum((1, 2)), (e**2).sum((1, 2))])
    expected = [evaluation.si_sdr(*pair) for pair in zip(estimate, target, strict=True)]
    np.testing.assert_allclose(backend.run(backend.metrics.si_sdr_from_sums, *sums), expected, atol=1e-3)


def test_sums_of_a_silent_target(backend):
    assert np.isnan(backend.run(backend.metrics.si_sdr_from_sums, *np.array([0, 0, 1], np.float32)))


def test_both_packages_agree(backends):
    target, estimate = noise(3, 2, 5000).astype(np.float64), noise(3, 2, 5000, seed=1).astype(np.float64)
    for name in ("si_sdr", "sdr"):
        ours, theirs = (backend.run(getattr(backend.metrics, name), estimate, target) for backend in backends)
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)
    sums = np.array([[3.0, 1, -2], [2, 3, 4], [9, 1, 8]])
    ours, theirs = (backend.run(backend.metrics.si_sdr_from_sums, *sums) for backend in backends)
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)
