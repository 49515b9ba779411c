import numpy as np
import pytest
from scipy.signal import istft, stft

from auralflow_core.dsp.magnitudes import HOP, NUM_FFT, merge_spectra

WEIGHTS = np.array([[0.5, 0.25], [0.5, 0.5], [0, 0.25]])  # (members, targets)


def expected(estimates, weights, statistic):
    """The whole signal at once, by scipy's transform; silence surrounds it, as scipy pads with zeros."""
    sizes = {"nperseg": NUM_FFT, "noverlap": NUM_FFT - HOP, "window": "hann"}
    padding = NUM_FFT - HOP  # scipy's first frame begins half a frame before the signal
    padded = np.pad(estimates, [(0, 0), (0, 0), (padding - NUM_FFT // 2, padding)])
    _, _, spectra = stft(padded, **sizes)
    spectra, weights = spectra[weights > 0], weights[weights > 0, None, None, None]
    size, mean = np.abs(spectra), (weights * spectra).sum(0)
    if statistic == "max_magnitude":
        merged = np.choose(size.argmax(0), spectra)
    elif statistic == "min_magnitude":
        merged = np.choose(size.argmin(0), spectra)
    else:
        level = np.median(size, 0) if statistic == "median_magnitude" else (weights * size).sum(0)
        merged = level * np.exp(1j * np.angle(mean))
    return istft(merged, **sizes)[1][:, padding - NUM_FFT // 2 :][:, : estimates.shape[-1]]


@pytest.mark.parametrize("statistic", ["mean_magnitude", "median_magnitude", "max_magnitude", "min_magnitude"])
@pytest.mark.parametrize("cuts", [[1, 9000, 9001], [50000]])
def test_pieces_are_merged_as_whole_signals_are(statistic, cuts):
    estimates = np.random.default_rng(0).standard_normal((3, 2, 2, 60021))
    pieces = np.split(estimates, cuts, axis=-1)
    found = np.concatenate(list(merge_spectra(pieces, WEIGHTS, statistic)), axis=-1)
    for target in range(2):
        right = expected(estimates[:, target], WEIGHTS[:, target], statistic)
        np.testing.assert_allclose(found[target], right, atol=1e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize("samples", [1, 700, NUM_FFT, 2 * NUM_FFT + 1])
def test_signals_of_any_length_come_back(samples):
    audio = np.random.default_rng(0).standard_normal((1, 1, 1, samples)).astype(np.float32)
    (*pieces,) = merge_spectra([audio], np.ones((1, 1)), "median_magnitude")
    np.testing.assert_allclose(np.concatenate(pieces, axis=-1), audio[0], atol=1e-6)
    assert not any(np.concatenate(list(merge_spectra([audio], np.zeros((1, 1)), "mean_magnitude")), -1).ravel())
