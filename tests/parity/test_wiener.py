"""`wiener` of both packages, against its formulas in numpy and against Open-Unmix."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import auralflow_jax.wiener
import auralflow_torch.wiener

CASES = [  # options, channels, level
    ({"iterations": 0}, 2, 20),
    ({}, 1, 0.1),
    ({}, 2, 20),
    ({"iterations": 3}, 2, 0.1),
    ({"softmask": True}, 2, 20),
    ({"residual": True, "iterations": 2}, 2, 20),
]


def in_jax(magnitudes, mixture, **options):
    with jax.enable_x64(True):
        return np.asarray(auralflow_jax.wiener.wiener(jnp.asarray(magnitudes), jnp.asarray(mixture), **options))


def in_torch(magnitudes, mixture, **options):
    return auralflow_torch.wiener.wiener(torch.tensor(magnitudes), torch.tensor(mixture), **options).numpy()


both = pytest.mark.parametrize("wiener", [in_jax, in_torch], ids=["jax", "torch"])


def spectra(targets=3, channels=2, bins=9, frames=20, level=1.0, seed=0, batch=()):
    """Rough magnitudes of some targets, and the mixture's spectrum, in float64."""
    rng = np.random.default_rng(seed)
    shape = (*batch, targets, channels, bins, frames)
    loudness = level * rng.gamma(0.3, 1, shape) * rng.uniform(0, 1, (*batch, targets, channels, 1, 1))
    parts = loudness * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    return np.abs(parts) * rng.uniform(0.5, 1.5, shape), parts.sum(-4)


def by_the_book(magnitudes, mixture, iterations=1, residual=False, eps=1e-10, scale_factor=10.0):
    """Matrix by matrix: v_j R_j (sum_k v_k R_k + sqrt(eps) I)^-1 x."""
    estimates = list(magnitudes * np.exp(1j * np.angle(mixture)))
    if residual:
        estimates.append(mixture - sum(estimates))
    scale = max(1, np.abs(mixture).max() / scale_factor)
    channels, bins, frames = mixture.shape
    estimates = [estimate / scale for estimate in estimates]
    for _ in range(iterations):
        powers = [(np.abs(estimate) ** 2).mean(0) for estimate in estimates]
        places = [
            np.array([estimate[:, f] @ estimate[:, f].conj().T / (eps + power[f].sum()) for f in range(bins)])
            for estimate, power in zip(estimates, powers, strict=True)
        ]
        estimates = [np.empty_like(estimate) for estimate in estimates]
        for f, t in np.ndindex(bins, frames):
            total = sum(power[f, t] * place[f] for power, place in zip(powers, places, strict=True))
            inverse = np.linalg.inv(total + np.sqrt(eps) * np.eye(channels))
            for estimate, power, place in zip(estimates, powers, places, strict=True):
                estimate[:, f, t] = power[f, t] * place[f] @ inverse @ mixture[:, f, t] / scale
    return np.stack(estimates) * scale


@pytest.fixture(scope="module")
def open_unmix():
    """Its `wiener` in our shapes. The package itself would import torchaudio; the file does not."""
    package = importlib.util.find_spec("openunmix")
    if package is None:
        pytest.skip("openunmix is not installed (pip install --no-deps openunmix)")
    path = Path(package.submodule_search_locations[0]) / "filtering.py"
    spec = importlib.util.spec_from_file_location("openunmix_filtering", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def wiener(magnitudes, mixture, **options):
        # (frames, bins, channels, targets) and (frames, bins, channels, 2) to (frames, bins, channels, 2, targets)
        estimates = module.wiener(
            torch.tensor(magnitudes.T.copy()), torch.view_as_real(torch.tensor(mixture.T.copy())), **options
        ).numpy()
        return (estimates[..., 0, :] + 1j * estimates[..., 1, :]).T

    return wiener


@both
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("residual", [False, True])
def test_it_is_the_filter_of_the_papers(wiener, channels, residual):
    magnitudes, mixture = spectra(channels=channels, level=20)
    expected = by_the_book(magnitudes, mixture, 2, residual)
    result = wiener(magnitudes, mixture, iterations=2, residual=residual)
    assert result.shape == (4 if residual else 3, channels, 9, 20)
    np.testing.assert_allclose(result, expected, atol=1e-7 * np.abs(expected).max())


@both
@pytest.mark.parametrize(("options", "channels", "level"), CASES, ids=str)
def test_it_is_open_unmixs(wiener, open_unmix, options, channels, level):
    magnitudes, mixture = spectra(channels=channels, level=level, bins=33, frames=250)
    expected = open_unmix(magnitudes, mixture, **options)
    result = wiener(magnitudes, mixture, **options)
    assert result.dtype == np.complex128
    np.testing.assert_allclose(result, expected, atol=1e-6 * np.abs(expected).max())
    single = wiener(magnitudes.astype(np.float32), mixture.astype(np.complex64), **options)
    assert single.dtype == np.complex64
    np.testing.assert_allclose(single, expected, atol=1e-5 * np.abs(expected).max())


@both
def test_float32_holds_where_all_targets_sit_in_one_place(wiener):
    # Two equal channels: the covariances are singular, and an inverse from the determinant would be off by tenths.
    magnitudes, mixture = (np.repeat(part, 2, axis=-3) for part in spectra(channels=1, level=20))
    expected = by_the_book(magnitudes, mixture)
    result = wiener(magnitudes.astype(np.float32), mixture.astype(np.complex64))
    np.testing.assert_allclose(result, expected, atol=1e-5 * np.abs(expected).max())


@both
def test_what_goes_in_comes_out(wiener):
    magnitudes, mixture = spectra(level=5)
    np.testing.assert_allclose(wiener(magnitudes, mixture).sum(0), mixture, atol=0.01 * np.abs(mixture).max())


@both
def test_items_of_a_batch_and_stretches_of_a_window_are_refined_apart(wiener):
    magnitudes, mixture = spectra(frames=20, level=20, batch=(2, 1))
    together = wiener(magnitudes, mixture, window=8)
    assert together.shape == (2, 1, 3, 2, 9, 20)
    for item in np.ndindex(2, 1):
        for stretch in (slice(0, 8), slice(8, 16), slice(16, 20)):
            expected = wiener(magnitudes[item][..., stretch], mixture[item][..., stretch])
            np.testing.assert_allclose(together[item][..., stretch], expected, atol=1e-9)
    np.testing.assert_array_equal(wiener(magnitudes, mixture, window=20), wiener(magnitudes, mixture))


@both
def test_silence_stays_silence(wiener):
    magnitudes, mixture = spectra()
    mixture[..., 5:], magnitudes[..., 5:] = 0, 0
    result = wiener(magnitudes, mixture, iterations=2)
    assert np.isfinite(result).all() and not result[..., 5:].any()
    assert not wiener(np.zeros_like(magnitudes), np.zeros_like(mixture), residual=True).any()


def test_gradients_agree_and_are_finite_in_silence():
    magnitudes, mixture = spectra(bins=3, frames=6)
    magnitudes[..., 4:], mixture[..., 4:] = 0, 0
    weights = np.random.default_rng(1).standard_normal(magnitudes.shape)

    def loss(magnitudes):
        return (weights * auralflow_jax.wiener.wiener(magnitudes, mixture, iterations=2).real).sum()

    with jax.enable_x64(True):
        ours = np.asarray(jax.grad(loss)(jnp.asarray(magnitudes)))
    leaf = torch.tensor(magnitudes, requires_grad=True)
    (torch.tensor(weights) * auralflow_torch.wiener.wiener(leaf, torch.tensor(mixture), 2).real).sum().backward()
    np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-6, atol=1e-8)
    assert np.isfinite(ours).all() and np.abs(ours).max() > 0.1
    loud = torch.tensor(magnitudes[..., :2, :2], requires_grad=True)
    torch.autograd.gradcheck(
        lambda leaf: auralflow_torch.wiener.wiener(leaf, torch.tensor(mixture[..., :2, :2]), 2), loud
    )


@both
def test_what_does_not_fit_is_refused(wiener):
    magnitudes, mixture = spectra()
    with pytest.raises(ValueError, match=r"got \(3, 2, 9, 20\) and \(2, 9, 19\)"):
        wiener(magnitudes, mixture[..., 1:])
    with pytest.raises(ValueError, match="got 1 and 0"):
        wiener(magnitudes, mixture, window=0)
    with pytest.raises(ValueError, match="got -1 and None"):
        wiener(magnitudes, mixture, iterations=-1)
