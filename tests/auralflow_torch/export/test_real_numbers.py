"""Programs without complex numbers: transforms against torch's, and operations on pairs against complex ones."""

import numpy as np
import pytest
import torch

from auralflow_core.errors import InputError
from auralflow_torch.export.fourier import Parts, add_squares, real_irfft, real_istft, real_rfft, real_stft
from auralflow_torch.export.pairs import Pair, real_numbers


@pytest.mark.parametrize("size", [1, 2, 7, 12, 345, 2048])
def test_transforms_of_any_length(size):
    signal = torch.from_numpy(np.random.default_rng(size).normal(size=(3, size)))
    expected = torch.fft.rfft(signal)
    found = real_rfft(signal)
    torch.testing.assert_close(torch.complex(*found), expected, rtol=0, atol=1e-11)
    # torch's inverse has no use for imaginary parts of the first and, of an even length, the last bin either.
    tilted = expected + 1j
    torch.testing.assert_close(
        real_irfft(Parts(tilted.real, tilted.imag), size), torch.fft.irfft(tilted, size), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("padding", ["reflect", "constant"])
@pytest.mark.parametrize(
    ("num_fft", "hop", "window_size", "samples"), [(64, 24, 64, 240), (62, 16, 48, 165), (32, 8, 32, 24)]
)
def test_stft_and_its_inverse(num_fft, hop, window_size, samples, padding):
    signal = torch.from_numpy(np.random.default_rng(0).normal(size=(2, samples)))
    left = (num_fft - window_size) // 2
    window = torch.nn.functional.pad(
        torch.hann_window(window_size, dtype=torch.float64), (left, num_fft - window_size - left)
    )
    expected = torch.stft(signal, num_fft, hop, window=window, pad_mode=padding, return_complex=True)
    found = real_stft(signal, num_fft, hop, window, padding)
    torch.testing.assert_close(torch.complex(*found), expected, rtol=0, atol=1e-12)
    whole = samples // hop * hop
    torch.testing.assert_close(
        real_istft(found, num_fft, hop, window, whole),
        torch.istft(expected, num_fft, hop, window=window, length=whole),
        rtol=0,
        atol=1e-12,
    )


def test_float32_is_as_exact_as_torchs_own():
    signal = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 8192))).float()
    window = torch.hann_window(2048)
    exact = torch.stft(signal.double(), 2048, 512, window=window.double(), return_complex=True)
    found = torch.complex(*real_stft(signal, 2048, 512, window, "reflect"))
    assert (found - exact).abs().max() < 1e-5 * exact.abs().max() / 10


def test_squares_of_windows_add_up():
    window = torch.arange(1.0, 6.0)
    expected = torch.zeros(2 * 3 + 2 * 3)
    for frame in range(3):
        expected[3 * frame : 3 * frame + 5] += window**2
    torch.testing.assert_close(add_squares(window, 3, 3), expected)


CASES = {
    "product": lambda x, y, a: x * y,
    "scaled": lambda x, y, a: a * x + y * 2 - x / a,
    "shifted": lambda x, y, a: a + x,
    "shapes": lambda x, y, a: torch.cat([x.unsqueeze(1).squeeze(1), y.reshape(2, 3)[..., :2]], dim=-1).transpose(0, 1),
    "padded": lambda x, y, a: torch.nn.functional.pad(x, (1, 2)),
    "inverse": lambda x, y, a: torch.fft.irfft(x, 4, norm="ortho"),
    "magnitude": lambda x, y, a: x.abs() + torch.abs(-y),
    "conjugate": lambda x, y, a: torch.view_as_real(torch.mul(x.conj(), y)),
    "parts": lambda x, y, a: torch.complex(x.imag, y.real) * torch.zeros_like(x),
}


@pytest.mark.parametrize("name", CASES)
def test_pairs_compute_as_complex_tensors_do(name):
    a, *parts = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 2, 3)))
    x, y = torch.complex(*parts[:2]), torch.complex(*parts[2:])
    expected = CASES[name](x, y, a)
    with real_numbers():
        found = CASES[name](Pair(*parts[:2]), Pair(*parts[2:]), a)
    found = torch.complex(found.real, found.imag) if isinstance(found, Pair) else found
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: torch.linalg.inv(torch.complex(x, x)), "linalg_inv"),
        (lambda x: torch.complex(x, x).angle(), "angle"),
        (lambda x: torch.stft(x, 4, 1, window=torch.ones(4), center=False, return_complex=True), "center"),
        (lambda x: torch.stft(x, 4, 1, return_complex=True), "without a window"),
    ],
)
def test_what_is_not_known_is_named(call, message):
    with real_numbers(), pytest.raises(InputError, match=message):
        call(torch.eye(8))
