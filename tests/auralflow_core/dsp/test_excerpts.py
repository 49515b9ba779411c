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


def test_a_part_is_best_where_the_signal_is_heard_beside_the_rest():
    signal, rest = np.zeros((2, 400)), np.zeros((2, 400))
    signal[:, :100], signal[:, 200:300] = 1.0, 0.5  # loudest where it is alone
    rest[:, 200:400] = 0.3
    assert loudest(signal, 100, 10) == 0
    assert loudest(signal, 100, 10, signal + rest) == 200
    assert loudest(signal, 100, 10, signal) == 0  # nothing else is ever heard


def test_the_rest_counts_where_it_sounds_at_the_same_time():
    # Alternating in one place, together in another: the same energies of both.
    signal, rest = np.zeros((1, 400)), np.zeros((1, 400))
    signal[:, :50] = rest[:, 50:100] = 1.0
    signal[:, 250:300] = rest[:, 250:300] = 1.0
    assert loudest(signal, 100, 10, signal + rest) == 200
