"""BSSEval in both packages, against museval, least squares in scipy, and each other."""

import importlib.util
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import torch

import auralflow_jax.metrics
import auralflow_torch.metrics
from auralflow_torch.metrics import BssEval

WINDOW, TAPS = 1000, 32
SIZES = {"window": WINDOW, "hop": WINDOW, "taps": TAPS}


@pytest.fixture(params=[auralflow_jax.metrics, auralflow_torch.metrics], ids=["jax", "torch"])
def metrics(request):
    """The metrics of one of the two packages."""
    return request.param


@pytest.fixture
def bss_eval(metrics):
    return metrics.bss_eval


@pytest.fixture
def shrink(metrics, monkeypatch):
    """Sets how many samples and frames are read at a time."""
    module = importlib.import_module(metrics.References.__module__)
    return lambda **sizes: [monkeypatch.setattr(module, name, size) for name, size in sizes.items()]


def song(sources=2, channels=1, samples=3500, seed=0):
    """Images of coloured noise from different places, and estimates with leaks, filtered images and noise."""
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((sources, 1, samples)) * rng.uniform(0.3, 1, (sources, channels, 1))
    for source, pole in zip(images, np.linspace(-0.9, 0.9, sources), strict=True):
        source[:] = scipy.signal.lfilter([1], [1, pole], source) + 0.2 * rng.standard_normal((channels, samples))
    distorted = images + 0.1 * np.roll(images, 3, axis=-1) + 0.1 * images[::-1]
    return images, distorted + 0.05 * rng.standard_normal(images.shape)


@pytest.fixture(scope="module")
def oracle():
    """museval's scores as ours. The package would import ffmpeg's wrapper; the file does not."""
    package = importlib.util.find_spec("museval")
    if package is None:
        pytest.skip("museval is not installed")
    path = Path(package.submodule_search_locations[0]) / "metrics.py"
    spec = importlib.util.spec_from_file_location("museval_metrics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def score(references, estimates, window=WINDOW, hop=WINDOW, taps=TAPS):
        sdr, isr, sir, sar, _ = module.bss_eval(
            references.swapaxes(1, 2).astype(float),
            estimates.swapaxes(1, 2).astype(float),
            window,
            hop,
            filters_len=taps,
        )
        return BssEval(sdr, sir, isr, sar)

    return score


def assert_same(result, expected, tolerance=1e-3):
    for name, ours, theirs in zip(result._fields, result, expected, strict=True):
        assert ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(
    ("channels", "window", "hop", "frames"), [(2, 1000, 1000, 3), (1, 1001, 650, 4), (1, 5000, 1000, 1)]
)
def test_every_frame_has_musevals_scores(bss_eval, oracle, channels, window, hop, frames):
    references, estimates = song(2, channels)
    result = bss_eval(references, estimates, window, hop, TAPS)
    assert result.sdr.shape == (2, frames)
    assert_same(result, oracle(references, estimates, window, hop), 1e-6)


def test_512_taps_of_16_bit_audio(bss_eval, oracle):
    # Steep spectra down to the steps of 16 bits, as music has them: a condition number of about 1e9.
    references, _ = song(2, 2, 9000)
    low = scipy.signal.lfilter(*scipy.signal.butter(4, 0.2), 0.1 * references)
    references = (np.round(low * 2**15) / 2**15).astype(np.float32)
    rng = np.random.default_rng(1)
    estimates = references + 0.1 * references[::-1] + (1e-4 * rng.standard_normal(references.shape)).astype(np.float32)
    result = bss_eval(references, estimates, 4000, 4000, 512)
    assert_same(result, oracle(references, estimates, 4000, 4000, 512))


def test_without_interference_its_ratio_is_rounding(bss_eval, oracle):
    references, estimates = song(1, 1)
    result, expected = bss_eval(references, estimates, **SIZES), oracle(references, estimates)
    assert (result.sir > 150).all() and (expected.sir > 150).all()
    assert_same(result._replace(sir=result.sdr), expected._replace(sir=expected.sdr))


def test_silence_voids_a_frame_for_all_as_it_does_in_museval(bss_eval, oracle):
    references, estimates = song(2, 2, 5000)
    references[1, :, 1000:2000] = 0
    estimates[0, :, 1900:3050] = 0
    estimates[0, 1, 4000:] = -estimates[0, 0, 4000:]  # channels that cancel count as silence
    result = bss_eval(references, estimates, **SIZES)
    assert np.isnan(result.sdr).tolist() == [[False, True, True, False, True]] * 2
    assert_same(result, oracle(references, estimates))
    references[1] = 0
    assert all(np.isnan(score).all() for score in bss_eval(references, estimates, **SIZES))


@pytest.mark.parametrize("which", ["one place", "one channel", "quiet"])
def test_singular_equations(bss_eval, oracle, which):
    references, estimates = song(2, 2)
    if which == "one place":
        references[:, 1] = references[:, 0]
    elif which == "one channel":
        references[0, 1] = 0
    else:
        references[0] *= 1e-4
        estimates[0] *= 1e-4
    assert_same(bss_eval(references, estimates, **SIZES), oracle(references, estimates))


def test_an_empty_band_is_no_reason_to_explain_less(bss_eval):
    # The signal is one frame. Shorter ones have edges, which filters that are arbitrary in that band make anything of.
    references, estimates = (scipy.signal.resample(signals, 3 * signals.shape[-1], axis=-1) for signals in song(2, 1))
    references += 1e-7 * np.random.default_rng(0).standard_normal(references.shape)  # as float32 leaves  # pyright: ignore[reportAttributeAccessIssue]
    result = bss_eval(references, estimates, window=20_000, taps=TAPS)
    delayed = np.concatenate([scipy.linalg.convolution_matrix(source[0], TAPS) for source in references], axis=1)
    assert 1e6 < np.linalg.cond(delayed) < 1e8  # of the equations, the square
    for target, estimate in enumerate(np.pad(estimates[:, 0], [(0, 0), (0, TAPS - 1)])):
        own = delayed[:, target * TAPS : (target + 1) * TAPS]
        image, explained = (matrix @ scipy.linalg.lstsq(matrix, estimate)[0] for matrix in (own, delayed))
        truth = np.pad(references[target, 0], (0, TAPS - 1))
        for ours, signal, noise in (
            (result.isr, truth, image - truth),
            (result.sir, image, explained - image),
            (result.sar, explained, estimate - explained),
        ):
            assert ours[target, 0] == pytest.approx(10 * np.log10(signal @ signal / (noise @ noise)), abs=0.01)


def test_an_exact_estimate_has_no_distortion(bss_eval):
    references, estimates = song(2, 1)
    result = bss_eval(references, np.stack([references[0], estimates[1]]), **SIZES)
    assert (result.sdr[0] == np.inf).all() and (result.sar[0] > 150).all() and (result.sdr[1] < 50).all()


def test_sources_without_estimates_only_interfere(metrics):
    references, estimates = song(3)
    prepared = metrics.References(list(references), **SIZES)
    everything = prepared.score(estimates)
    assert_same(everything, metrics.bss_eval(references, list(estimates), **SIZES), 0)
    assert_same(prepared.score(estimates[:2]), [score[:2] for score in everything], 1e-9)


def test_blocks_make_no_difference(bss_eval, shrink):
    references, estimates = song()
    whole = bss_eval(references, estimates, **SIZES)
    shrink(BLOCK=300, FRAMES=2)
    assert_same(bss_eval(references, estimates, **SIZES), whole, 1e-9)


def test_memory_does_not_grow_with_the_signal(bss_eval, shrink, tmp_path):
    shrink(BLOCK=1 << 14)
    peaks = []
    for samples in (100_000, 400_000):
        signals = [np.memmap(tmp_path / f"{name}{samples}", np.float32, "w+", shape=(1, 1, samples)) for name in "re"]
        for seed, signal in enumerate(signals):
            signal[:] = np.random.default_rng(seed).standard_normal(samples)
        if not peaks:
            bss_eval(*signals, window=5000, hop=5000, taps=4)  # compiles
        tracemalloc.start()
        bss_eval(*signals, window=5000, hop=5000, taps=4)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] and peaks[1] < 400_000 * 8  # less than a signal in float64


@pytest.mark.parametrize("sources", [1, 2, 4])
def test_both_packages_agree(sources):
    references, estimates = song(sources, 2, 6000)
    references[0, :, 2000:4000] = 0  # and so at least one frame
    ours, theirs = (
        module.bss_eval(references, estimates, 1000, 700, 64)
        for module in (auralflow_jax.metrics, auralflow_torch.metrics)
    )
    if sources == 1:  # without interference its ratio is rounding
        ours, theirs = ours._replace(sir=ours.sdr), theirs._replace(sir=theirs.sdr)
    assert_same(ours, theirs, 1e-6)
    assert np.isnan(theirs.sdr).any() and np.isfinite(theirs.sdr).any()
    with pytest.raises(AssertionError):
        assert_same(ours, theirs._replace(sar=theirs.sar + 2e-6), 1e-6)


def test_tensors_are_arrays_to_torch():
    references, estimates = song()
    result = auralflow_torch.metrics.bss_eval(torch.from_numpy(references), [*torch.from_numpy(estimates)], **SIZES)
    assert_same(result, auralflow_torch.metrics.bss_eval(references, estimates, **SIZES), 0)


def test_what_does_not_fit_is_refused(bss_eval):
    references, estimates = song(2, 1, 500)
    with pytest.raises(ValueError, match=r"2 or fewer of shape \(1, 500\), got \[\(1, 499\), \(1, 499\)\]"):
        bss_eval(references, estimates[..., 1:])
    with pytest.raises(ValueError, match="got 0, 44100 and 512"):
        bss_eval(references, estimates, window=0)
    with pytest.raises(ValueError, match=r"references must be .* \[\(\)\]"):
        bss_eval(references[0, 0], estimates)
