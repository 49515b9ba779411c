import numpy as np
import pytest

from auralflow_core.errors import InputError
from auralflow_core.plots.signals import (
    RANGE_DB,
    picture_bytes,
    save_figure,
    spectrogram_figure,
    training_curve_figure,
    waveform_figure,
)

RATE = 44100
HISTORY = [
    {"epoch": 1, "train_loss": 1.0, "valid_loss": 0.9, "si_sdr_improvement": {"vocals": 1.0, "bass": -1.0}, "lr": 1e-3},
    {"epoch": 2, "train_loss": 0.1, "valid_loss": 0.2, "si_sdr_improvement": {"vocals": 3.0, "bass": 2.0}, "lr": 1e-3},
    {"epoch": 3, "train_loss": 0.05, "valid_loss": 0.3, "si_sdr_improvement": {"vocals": 2.0, "bass": 2.5}, "lr": 5e-4},
]


def tone(frequency, seconds=1.0, rate=RATE):
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)[None]


def row_of(axis, kilohertz):
    """The row of the picture at one of the ticks."""
    ticks = {label.get_text(): place for place, label in zip(axis.get_yticks(), axis.get_yticklabels(), strict=True)}
    cells = axis.images[0].get_array()
    return ticks[kilohertz] / axis.images[0].get_extent()[3] * cells.shape[0]


@pytest.mark.parametrize(("frequency", "tick"), [(100, "0.1"), (500, "0.5"), (2000, "2"), (8000, "8")])
@pytest.mark.parametrize("rate", [22050, 44100])
def test_a_tone_is_brightest_at_its_frequency(frequency, tick, rate):
    axis = spectrogram_figure({"tone": tone(frequency, rate=rate)}, rate).axes[0]
    column = axis.images[0].get_array()[:, 20]
    assert abs(np.argmax(column) - row_of(axis, tick)) <= 5
    assert column.max() == pytest.approx(0, abs=0.5)


def test_panels_share_one_scale_of_decibels():
    figure = spectrogram_figure({"loud": tone(1000), "soft": 0.1 * tone(1000), "silent": 0 * tone(1000)}, RATE, "three")
    loud, soft, silent, bar = figure.axes
    levels = [axis.images[0].get_array()[:, 40].max() for axis in (loud, soft, silent)]
    np.testing.assert_allclose(levels, [0, -20, -RANGE_DB], atol=0.05)
    assert all(axis.images[0].get_clim() == (-RANGE_DB, 0) for axis in (loud, soft, silent))
    assert [axis.get_title(loc="left") for axis in (loud, soft, silent)] == ["loud", "soft", "silent"]
    assert "dB" in bar.get_ylabel() and "kHz" in loud.get_ylabel() and "(s)" in silent.get_xlabel()
    assert figure.get_suptitle() == "three"


def test_the_time_axis_is_in_seconds_up_to_the_signal_s_end():
    click = np.zeros((2, 3 * RATE))
    click[:, 2 * RATE] = 1
    image = spectrogram_figure({"click": click}, RATE).axes[0].images[0]
    assert tuple(image.get_extent()[:2]) == (0, 3)
    brightest = np.argmax(image.get_array().max(axis=0)) / image.get_array().shape[1] * 3
    assert brightest == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize("samples", [1, 100, 2_000_000])
def test_short_and_long_signals_make_pictures_of_bounded_size(samples):
    signal = np.random.default_rng(0).standard_normal((1, samples))
    figure = spectrogram_figure({"noise": signal}, RATE)
    assert figure.axes[0].images[0].get_array().shape[1] <= 1201
    assert picture_bytes(figure).startswith(b"\x89PNG\r\n")
    assert picture_bytes(waveform_figure({"noise": signal}, RATE)).startswith(b"\x89PNG\r\n")


def test_waveforms_show_the_extremes_on_common_axes():
    spike = np.zeros((2, 100_000))
    spike[1, 54_321] = -0.8
    figure = waveform_figure({"spike": spike, "tone": 0.5 * tone(440, 1.0)}, RATE)
    path = figure.axes[0].collections[0].get_paths()[0].vertices
    assert path[:, 1].min() == pytest.approx(-0.8)  # pyright: ignore[reportAttributeAccessIssue]
    assert path[np.argmin(path[:, 1]), 0] == pytest.approx(54_321 / RATE, abs=2e-3)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim() == pytest.approx((-0.84, 0.84))


@pytest.mark.parametrize("draw", [spectrogram_figure, waveform_figure])
@pytest.mark.parametrize(
    ("panels", "words"),
    [
        ({}, "0 panels"),
        ({"mono": np.zeros(10)}, r"'mono' has shape \(10,\), expected \(channels, samples\)"),
        ({"empty": np.zeros((2, 0))}, r"'empty' has shape \(2, 0\)"),
    ],
)
def test_panels_that_are_no_audio_are_refused(draw, panels, words):
    with pytest.raises(InputError, match=words):
        draw(panels, RATE)


def test_the_training_curve_shows_each_series():
    losses, gains, rates = training_curve_figure(HISTORY).axes
    series = {line.get_label(): line.get_xydata().tolist() for axis in (losses, gains) for line in axis.lines}  # pyright: ignore[reportAttributeAccessIssue]
    assert series["training"] == [[1, 1.0], [2, 0.1], [3, 0.05]]
    assert series["validation"] == [[1, 0.9], [2, 0.2], [3, 0.3]]
    assert series["best: epoch 2"] == [[2, 0.2]]
    assert series["vocals"] == [[1, 1], [2, 3], [3, 2]] and series["bass"] == [[1, -1], [2, 2], [3, 2.5]]
    assert rates.lines[0].get_ydata().tolist() == [1e-3, 1e-3, 5e-4]  # pyright: ignore[reportAttributeAccessIssue]
    assert losses.get_yscale() == "log" and rates.get_xlabel() == "epoch"


@pytest.mark.parametrize(
    "history",
    [
        HISTORY[:1],
        [{"epoch": 1, "train_loss": 1.0}],
        [
            {"epoch": 1, "train_loss": -3.0, "valid_loss": None, "si_sdr_improvement": None},
            {"epoch": 2, "train_loss": -9.0},
        ],
    ],
)
def test_short_and_incomplete_histories_are_drawn(history):
    figure = training_curve_figure(history)
    assert figure.axes[0].get_yscale() == "linear"
    assert figure.axes[0].lines[0].get_marker() == "o"
    assert picture_bytes(figure).startswith(b"\x89PNG\r\n")


def test_an_empty_history_is_refused():
    with pytest.raises(InputError, match="0 epochs"):
        training_curve_figure([])


def test_a_figure_is_saved_whole_or_not_at_all(tmp_path):
    path = tmp_path / "images" / "curve.png"
    save_figure(training_curve_figure(HISTORY), path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    broken = training_curve_figure(HISTORY)
    broken.text(0.5, 0.5, "$\\unknown$")
    with pytest.raises(ValueError, match="unknown"):
        save_figure(broken, path)
    assert path.read_bytes() == content and [file.name for file in path.parent.iterdir()] == ["curve.png"]
