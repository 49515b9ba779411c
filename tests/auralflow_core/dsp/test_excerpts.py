import numpy as np
import pytest

from auralflow_core.dsp.excerpts import loudest


@pytest.mark.parametrize(("samples", "window", "step"), [(997, 100, 7), (1000, 1000, 10), (50, 49, 100), (1, 1, 1)])
def test_the_loudest_part_is_found(samples, window, step):
    audio = np.random.default_rng(samples).standard_normal((2, samples)) ** 3
    start = loudest(audio, window, step)
    assert start + window <= samples
    # Of a part that begins at a step, what it lacks of the best of all lies in the steps it began beside.
    energies = np.convolve((audio**2).sum(axis=0), np.ones(window), "valid")
    slack = 2 * np.convolve((audio**2).sum(axis=0), np.ones(step)).max()
    assert energies[start] >= energies.max() - slack
