"""Every loss in both packages, against its formula or another library, and the packages against each other.

Formulas are checked in float64; what float32 loses is bounded by what the reference loses, see `tolerance`.
"""

from functools import partial

import numpy as np
import pytest
import torch
from tolerance import references

TARGET = np.array([3, -0.5, 2, 7])
ESTIMATE = np.array([2.5, 0, 2, 8])
SHORT = ((64, 40, 40),)  # a resolution for short signals

# Every loss: its function, the number of tensors that it compares, its settings.
ALL = {
    "l1": ("l1_loss", 2, {}),
    "l2": ("l2_loss", 2, {}),
    "mask l1": ("mask_loss", 3, {}),
    "mask l2": ("mask_loss", 3, {"loss_fn": "l2"}),
    "component 2": ("component_loss", 4, {}),
    "component 3": ("component_loss", 4, {"alpha": 0.3, "beta": 0.5, "n_components": 3}),
    "si_sdr": ("si_sdr_loss", 2, {}),
    "stft": ("multi_resolution_stft_loss", 2, {"resolutions": SHORT}),
    "kl": ("kl_div_loss", 2, {}),
}


def draw(*shape, seed=0, low=0.0, dtype: type = np.float32):
    return np.random.default_rng(seed).uniform(low, 1, shape).astype(dtype)


def unit(array):
    return array / np.sqrt(np.sum(array**2, axis=tuple(range(1, array.ndim)), keepdims=True))


def loss_of(backend, name):
    function, count, settings = ALL[name]
    return partial(getattr(backend.losses, function), **settings), count


@pytest.fixture
def close(backend):
    """Compares a loss of some arrays, computed in float64, with a number."""

    def close(name, arrays, expected, rtol=1e-12, atol=0.0, **settings):
        value = backend.run(getattr(backend.losses, name), *(array.astype(np.float64) for array in arrays), **settings)
        np.testing.assert_allclose(value, expected, rtol=rtol, atol=atol)

    return close


def test_l1_and_l2_of_four_numbers(close):
    close("l1_loss", (ESTIMATE, TARGET), 0.5)
    close("l2_loss", (ESTIMATE, TARGET), 0.375)


def test_the_ideal_mask_is_a_ratio_between_zero_and_one(backend, close):
    target = np.array([0, 1, 2, 4, 1, 0], float)
    mixture = np.array([0, 4, 4, 2, 0, 3], float)
    ideal = np.array([0, 0.25, 0.5, 1, 1, 0])
    mask = np.array([0.5, 0.5, 0.5, 0.5, 0, 0.25])
    close("mask_loss", (mask, target, mixture), np.mean(np.abs(mask - ideal)))
    close("mask_loss", (mask, target, mixture), np.mean((mask - ideal) ** 2), loss_fn="l2")
    with pytest.raises(ValueError, match="unknown loss_fn 'l3'; did you mean 'l[12]'"):
        backend.run(backend.losses.mask_loss, mask, target, mixture, loss_fn="l3")


def test_the_components_loss_is_its_formula(close):
    arrays = fs, ts, fr, tr = [draw(3, 2, 5, 4, seed=seed, dtype=np.float64) for seed in range(4)]
    source, noise = np.mean((fs - ts) ** 2), np.mean(fr**2)
    colour = np.mean((unit(fr) - unit(tr)) ** 2)
    close("component_loss", arrays, 0.8 * source + 0.2 * noise)
    close("component_loss", arrays, 0.7 * source + 0.3 * noise, alpha=0.3)
    three = {"alpha": 0.3, "beta": 0.5, "n_components": 3}
    close("component_loss", arrays, 0.2 * source + 0.3 * noise + 0.5 * colour, rtol=1e-8, **three)  # a floor of 1e-8


def test_component_weights_and_numbers_that_make_no_loss_are_refused(backend):
    run = partial(backend.run, backend.losses.component_loss, *[np.ones((2, 3), np.float32)] * 4)
    with pytest.raises(ValueError, match="less than 1 with 3 components, got 0.2 \\+ 0.8"):
        run(n_components=3)
    with pytest.raises(ValueError, match="n_components must be 2 or 3, got 4"):
        run(n_components=4)
    for weights in ({"alpha": 1.5}, {"alpha": -0.1}, {"beta": 2}):
        with pytest.raises(ValueError, match="alpha and beta must lie between 0 and 1"):
            run(**weights)
    assert np.isfinite(run(alpha=0.2, beta=0.8))  # with two, beta is unused


def test_si_sdr_is_minus_the_published_constant_and_blind_to_scale(close):
    estimate, target = ESTIMATE.reshape(1, 1, 2, 2), TARGET.reshape(1, 1, 2, 2)
    close("si_sdr_loss", (estimate, target), -18.4030, atol=1e-4)
    close("si_sdr_loss", (3 * estimate, target), -18.4030, atol=1e-4)


def test_si_sdr_averages_decibels_of_signals_that_span_the_channels(close):
    target, noise = draw(3, 2, 2, 500, seed=1, low=-1), draw(3, 2, 2, 500, seed=2, low=-1)
    target, noise = target.astype(np.float64), noise.astype(np.float64)
    estimate = noise + target * np.array([0.5, 5])[:, None, None]
    expected = []
    for s, e in zip(target.reshape(6, -1), estimate.reshape(6, -1), strict=True):
        part = (e @ s) / (s @ s) * s
        expected.append(10 * np.log10((part @ part) / ((part - e) @ (part - e))))
    close("si_sdr_loss", (estimate, target), -np.mean(expected), rtol=1e-6)  # the floor of -80 dB is added


def test_si_sdr_of_silence_is_the_level_above_the_floor(backend, close):
    silence, loud = np.zeros((1, 1, 2, 100), np.float32), np.full((1, 1, 2, 100), 0.1, np.float32)
    close("si_sdr_loss", (silence, silence), 0)
    close("si_sdr_loss", (silence, loud), 0, atol=1e-12)
    close("si_sdr_loss", (loud, silence), 60, atol=1e-4)  # 0.01 against 1e-8
    gradient, _ = backend.gradients(backend.losses.si_sdr_loss, loud, silence)
    assert np.isfinite(gradient).all() and (gradient > 0).all()  # the estimate should become softer


def test_the_multi_resolution_loss_is_its_formula(close):
    estimate, target = (draw(2, 1, 2, 9000, seed=seed, low=-1, dtype=np.float64) for seed in (1, 2))
    terms = []
    for num_fft, hop, size in ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)):
        ours, theirs = (
            torch.stft(
                torch.from_numpy(audio).reshape(4, -1),
                num_fft,
                hop,
                size,
                torch.hann_window(size, dtype=torch.float64),
                pad_mode="reflect",
                return_complex=True,
            )
            .abs()
            .clamp(min=1e-7**0.5)
            for audio in (estimate, target)
        )
        convergence = torch.linalg.norm(theirs - ours) / torch.linalg.norm(theirs)
        terms.append(convergence + torch.nn.functional.l1_loss(ours.log(), theirs.log()))
    close(
        "multi_resolution_stft_loss", (estimate, target), sum(terms) / 3, rtol=1e-9
    )  # a floor of 1e-8 under the square of a norm
    close("multi_resolution_stft_loss", (target, target), 0, atol=1e-5)


def test_the_kl_divergence_is_that_of_two_normal_distributions(close):
    mu, sigma = (draw(4, 5, seed=seed, low=low, dtype=np.float64) for seed, low in ((1, -1), (2, 0.1)))
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(torch.from_numpy(mu), torch.from_numpy(sigma)), normal(0.0, 1.0)
    )
    close("kl_div_loss", (mu, sigma), expected.mean())
    silence = np.zeros(3, np.float32)
    close("kl_div_loss", (silence, silence), (1e-12 - np.log(1e-12) - 1) / 2)


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_broadcast(backend, name):
    loss, count = loss_of(backend, name)
    ones = partial(np.ones, dtype=np.float32)
    with pytest.raises(ValueError, match=r"^Shape mismatch: got \(4,\) and \(4, 1\)( and \(4,\))*\."):
        backend.run(loss, ones(4), ones((4, 1)), *[ones(4)] * (count - 2))
    with pytest.raises(ValueError, match="Shape mismatch"):
        backend.run(loss, *[ones((2, 1, 3, 200))] * (count - 1), ones((2, 2, 3, 200)))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("where", ["estimate", "truth", "all"])
def test_silence_has_a_finite_value_and_gradient(backend, name, where):
    loss, count = loss_of(backend, name)
    arrays = [draw(2, 1, 2, 200, seed=seed) for seed in range(count)]
    for index in range(count):
        if where == "all" or (index == 0) == (where == "estimate"):
            arrays[index] = np.zeros_like(arrays[index])
    value = backend.run(loss, *arrays)
    assert value.shape == () and np.isfinite(value)
    assert all(np.isfinite(gradient).all() for gradient in backend.gradients(loss, *arrays))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_the_dtype_is_kept(backend, name, dtype):
    loss, count = loss_of(backend, name)
    assert backend.dtype(loss, *(draw(2, 1, 2, 200, seed=seed) for seed in range(count)), dtype=dtype) == dtype


@pytest.mark.parametrize("name", sorted(set(ALL) - {"mask l1"}))
def test_the_gradient_is_the_slope(backend, name):
    loss, count = loss_of(backend, name)
    shape = (2, 1, 2, 40 if name == "stft" else 5)
    arrays = [draw(*shape, seed=seed, low=0.1, dtype=np.float64) for seed in range(count)]
    ways = [1e-6 * draw(*shape, seed=10 + seed, low=-1, dtype=np.float64) for seed in range(count)]
    if name.startswith("mask"):  # the ideal mask is a constant
        ways[1:] = [np.zeros(shape)] * 2
    ahead, behind = (
        backend.run(loss, *(array + sign * way for array, way in zip(arrays, ways, strict=True)))
        for sign in (0.5, -0.5)
    )
    slope = sum(np.sum(gradient * way) for gradient, way in zip(backend.gradients(loss, *arrays), ways, strict=True))
    np.testing.assert_allclose(slope, float(ahead) - float(behind), rtol=1e-5)


def value_and_gradients(backend, name):
    """A function of arrays: the loss, and its gradient by each of them."""
    loss, _ = loss_of(backend, name)
    return lambda *arrays: [backend.run(loss, *arrays), *backend.gradients(loss, *arrays)]


def inputs_of(name, dtype):
    low = 0.5 if name == "stft" else 0.01
    arrays = [draw(2, 3, 2, 300, seed=seed, low=low, dtype=dtype) for seed in range(ALL[name][1])]
    if name == "stft":
        # A pulse in each frame, so that no bin is nearly zero: there a logarithm's gradient has few digits in float32.
        for array in arrays:
            array *= np.where(np.arange(300) % SHORT[0][1], dtype(0.05), dtype(1))
    return arrays


@pytest.mark.parametrize("name", ALL)
def test_both_packages_agree(backends, name):
    ours, theirs = (value_and_gradients(backend, name) for backend in backends)
    arrays = inputs_of(name, np.float32)
    for result, reference in zip(ours(*arrays), references(theirs, *arrays), strict=True):
        assert result.dtype == np.float32
        reference.check(result)


@pytest.mark.parametrize("name", ALL)
def test_both_packages_agree_in_float64(backends, name):
    arrays = inputs_of(name, np.float64)
    for ours, theirs in zip(*(value_and_gradients(backend, name)(*arrays) for backend in backends), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11 * np.abs(theirs).max())


@pytest.mark.parametrize("name", ALL)
def test_an_element_that_is_off_fails(backends, name):
    """The tolerance stays below the documented bar, 1e-5 of a tensor's scale."""
    _, theirs = backends
    for reference in references(value_and_gradients(theirs, name), *inputs_of(name, np.float32)):
        wrong = np.array(reference.exact)
        wrong[(0,) * wrong.ndim] += 1e-5 * np.abs(reference.exact).max() + 1e-30
        with pytest.raises(AssertionError):
            reference.check(wrong)


@pytest.mark.parametrize("name", ["l1", "l2", "component 2", "component 3", "si_sdr", "stft"])
def test_audio_up_to_120_db_above_full_scale_is_within_the_range_of_float32(backend, name):
    """The reference is the same loss in float64; beyond, a value is right or it is not finite."""
    loss, count = loss_of(backend, name)
    arrays = [draw(1, 1, 2, 400, seed=seed) - (0.5 if name in ("si_sdr", "stft") else 0) for seed in range(count)]
    for level in (1e6, 1e30):
        loud = [array * np.float32(level) for array in arrays]
        exact = backend.run(loss, *(array.astype(np.float64) for array in loud))
        value = backend.run(loss, *loud)
        if level == 1e6 or np.isfinite(value):
            np.testing.assert_allclose(value, exact, rtol=1e-4)
