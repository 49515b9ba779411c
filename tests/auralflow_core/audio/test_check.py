import jax
import numpy as np
import pytest
import torch

from auralflow_core.audio.check import check_audio, check_layout, check_rate
from auralflow_core.errors import InputError


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 100), (64, 3)])
def test_audio_passes(dtype, shape):
    check_audio(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    ("dtype", "full", "expression"),
    [
        ("int16", (-32768, 32767), "x / 32768"),
        ("int32", (-(2**31), 2**31 - 1), "x / 2147483648"),
        ("uint8", (0, 255), "x / 128 - 1"),
    ],
)
def test_integers_are_refused_with_the_expression_that_scales_them(dtype, full, expression):
    x = np.array([full], dtype)
    with pytest.raises(InputError) as caught:
        check_audio(x, "x")
    assert f"got {dtype} of shape (1, 2); {expression} brings" in str(caught.value)
    scaled = eval(expression, {"x": x.astype(np.float64)})
    np.testing.assert_allclose(scaled, [[-1, 1]], rtol=0, atol=0.01)
    check_audio(scaled)


@pytest.mark.parametrize("dtype", ["bool", "complex64", "object"])
def test_other_types_are_refused(dtype):
    with pytest.raises(InputError, match=rf"audio must be floating point, \(channels, samples\), got {dtype} of shape"):
        check_audio(np.zeros((1, 2), dtype))


@pytest.mark.parametrize("shape", [(), (5,), (0, 5), (5, 0), (1, 1, 5), (1, 1, 1, 5)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match=r"audio must be floating point, \(channels, samples\), got float32 of shape"):
        check_audio(np.zeros(shape, np.float32))
    if len(shape) in (1, 3):
        check_audio(np.zeros(shape, np.float32), ranks=(1, 3))


def test_a_transposed_array_is_recognised():
    with pytest.raises(
        InputError, match="65 channels of 2 samples, and at most 64 channels are accepted; transpose it"
    ):
        check_audio(np.zeros((65, 2)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_place(value):
    audio = np.zeros((2, 10))
    audio[1, 3] = audio[1, 7] = value
    with pytest.raises(InputError, match=r"got 2 NaN or infinite values, the first at index \(1, 3\)"):
        check_audio(audio)


@pytest.mark.parametrize("value", [1e30, -1e7, np.float32(3e38)])
def test_values_that_would_overflow_in_float32_are_refused(value):
    audio = np.full((2, 10), 1e6)
    check_audio(audio)
    audio[1, 3] = value
    with pytest.raises(InputError, match=r"got 1 values beyond 1e\+06, the first at index \(1, 3\)"):
        check_audio(audio)


def test_layouts_of_every_kind_of_array():
    for array in (jax.numpy.zeros((2, 5)), jax.ShapeDtypeStruct((2, 5), "bfloat16"), torch.zeros(2, 5).half()):
        check_layout(array, channels=2)
        with pytest.raises(InputError, match="audio must have 1 channel, got 2"):
            check_layout(array, channels=1)
    with pytest.raises(InputError, match="got int64 of shape"):
        check_layout(torch.zeros(2, 5).long())
    with pytest.raises(InputError, match="audio is a list, expected an array"):
        check_layout([0.0])


def test_rates():
    assert [check_rate(rate) for rate in (44100, 8000.0, np.int32(16000))] == [44100, 8000, 16000]
    for rate in (0, -1, 0.5, 44100.5, "44100", None, True, float("inf"), float("nan"), 10**9):
        with pytest.raises(InputError, match="rate is .*, expected a whole number of Hz from 1 to 10000000"):
            check_rate(rate)
