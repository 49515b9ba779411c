import numpy as np
import pytest

from auralflow_core.errors import InputError
from auralflow_core.plots.differences import spectrogram_difference_figure, waveform_difference_figure
from auralflow_core.plots.signals import RANGE_DB, picture_bytes

RNG = np.random.default_rng(0)


def panels(figure):
    return [axis.images[0].get_array() for axis in figure.axes if axis.images]


def test_levels_share_a_scale_and_their_difference_is_shown():
    target = np.ones((2, 3, 4))
    estimate = target * np.array([1.0, 0.1, 10.0])[:, None]
    first, second, difference = panels(spectrogram_difference_figure("vocals", estimate, target))
    np.testing.assert_allclose(first, np.broadcast_to(np.array([-20.0, -40, 0])[:, None], (3, 4)), atol=1e-9)
    np.testing.assert_allclose(second, np.full((3, 4), -20), atol=1e-9)
    np.testing.assert_allclose(difference, np.broadcast_to(np.array([0.0, -20, 20])[:, None], (3, 4)), atol=1e-9)


def test_powers_are_averaged_over_the_channels():
    values = np.stack([np.ones((3, 4)), np.full((3, 4), 2.0)])
    levels, mean, _ = panels(spectrogram_difference_figure("bass", values, np.full((2, 3, 4), 2.5**0.5)))
    np.testing.assert_allclose(levels, mean, atol=1e-9)  # (1 + 4) / 2


def test_complex_values_are_their_magnitudes():
    target = RNG.standard_normal((1, 5, 6)) + 1j * RNG.standard_normal((1, 5, 6))
    for one, other in zip(
        *(panels(spectrogram_difference_figure("bass", 0.5 * target, x)) for x in (target, np.abs(target))), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_decibels_are_taken_as_they_are():
    estimate, target = RNG.uniform(-70, -10, (2, 1, 5, 6))
    first, second, difference = panels(spectrogram_difference_figure("bass", estimate, target, decibel=True))
    loudest = max(estimate.max(), target.max())
    np.testing.assert_allclose(first, np.maximum(estimate[0] - loudest, -RANGE_DB))
    np.testing.assert_allclose(second, np.maximum(target[0] - loudest, -RANGE_DB))
    np.testing.assert_allclose(difference, first - second)


@pytest.mark.parametrize("level", [0.0, 1e-12, 1.0])
def test_silence_is_dark_and_differs_by_no_more_than_the_scale(level):
    first, second, difference = panels(spectrogram_difference_figure("bass", np.zeros((3, 4)), np.full((3, 4), level)))
    np.testing.assert_array_equal(first, -RANGE_DB)
    np.testing.assert_allclose(second, 0 if level else -RANGE_DB)
    np.testing.assert_allclose(difference, -RANGE_DB if level else 0)


@pytest.mark.parametrize("rate", [None, 8000])
def test_waveforms_and_their_difference_share_axes(rate):
    target = np.zeros((1, 1000))
    estimate = target.copy()
    estimate[0, 400] = 0.5
    figure = waveform_difference_figure("bass", estimate, target, sample_rate=rate)
    tops = [axis.collections[0].get_paths()[0].vertices[:, 1].max() for axis in figure.axes]  # pyright: ignore[reportAttributeAccessIssue]
    assert tops == [0.5, 0, 0.5]
    path = figure.axes[2].collections[0].get_paths()[0].vertices
    assert path[np.argmax(path[:, 1]), 0] == pytest.approx(400 / (rate or 1))
    assert {axis.get_ylim() for axis in figure.axes} == {(-0.525, 0.525)}
    assert figure.axes[2].get_xlabel() == ("time (s)" if rate else "sample")


@pytest.mark.parametrize("draw", [spectrogram_difference_figure, waveform_difference_figure])
def test_resolution_is_in_dots_per_inch(draw):
    small, large = (png_size(draw("bass", np.ones((4, 50)), np.ones((4, 50)), dpi)) for dpi in (50, 100))
    assert large == (2 * small[0], 2 * small[1])
    assert picture_bytes(draw("bass", np.ones((4, 50)), np.ones((4, 50)))).startswith(b"\x89PNG")


def png_size(figure):
    figure.canvas.draw()
    return figure.canvas.get_width_height()


@pytest.mark.parametrize(
    ("estimate", "target", "words"),
    [
        (np.ones(5), np.ones(5), r"estimate has shape \(5,\), expected \(channels, bins, frames\)"),
        (np.ones((0, 5)), np.ones((0, 5)), r"estimate has shape \(0, 5\)"),
        (np.ones((2, 5)), np.ones((2, 6)), r"estimate has shape \(2, 5\) and target \(2, 6\)"),
        (np.ones((2, 5)), np.full((2, 5), np.nan), "target holds NaN"),
        (-np.ones((2, 5)), np.ones((2, 5)), r"estimate holds -1, .*decibel=True"),
    ],
)
def test_what_cannot_be_drawn_is_refused(estimate, target, words):
    with pytest.raises(InputError, match=words):
        spectrogram_difference_figure("bass", estimate, target)


def test_audio_of_other_shapes_is_refused():
    with pytest.raises(InputError, match=r"estimate has shape \(1, 2, 3\), expected \(channels, samples\)"):
        waveform_difference_figure("bass", np.ones((1, 2, 3)), np.ones((1, 2, 3)))
