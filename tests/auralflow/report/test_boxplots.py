import numpy as np
import pytest

from auralflow.report.boxplots import BASELINE, box_plot_figure
from auralflow_core.plots.signals import picture_bytes

RNG = np.random.default_rng(0)
VALUES = {
    "vocals": {"mixture": RNG.normal(-5, 2, 17), "one": RNG.standard_t(1.5, 40), "two": RNG.normal(3, 1, 40)},
    "drums": {"mixture": RNG.normal(-5, 2, 17), "two": [1.0]},
}


def drawn(panel, place):
    """The box at a place: the box's sides, and the lines by the horizontal places of their ends."""
    boxes = [patch.get_path().vertices for patch in panel.patches]
    [box] = [box for box in boxes if abs(box[:-1, 1].mean() - place) < 0.3]
    lines = [line.get_xydata() for line in panel.lines]
    return (box[:, 0].min(), box[:, 0].max()), [line for line in lines if abs(line[:, 1].mean() - place) < 0.1]


@pytest.mark.parametrize("target", VALUES)
def test_boxes_are_quartiles_and_whiskers_tukeys(target):
    panel = box_plot_figure(VALUES, "SI-SDR (dB)", ["mixture"]).axes[list(VALUES).index(target)]
    assert panel.get_title(loc="left") == target
    assert [label.get_text() for label in panel.get_yticklabels()] == list(VALUES[target])
    for place, values in enumerate(VALUES[target].values()):
        lower, median, upper = np.percentile(values, [25, 50, 75])
        sides, lines = drawn(panel, place)
        assert sides == pytest.approx((lower, upper))
        values = np.asarray(values)
        inside = values[(values >= lower - 1.5 * (upper - lower)) & (values <= upper + 1.5 * (upper - lower))]
        ends = sorted(float(x) for line in lines if len(line) == 2 for x in set(line[:, 0]))
        assert ends[0] == pytest.approx(inside.min()) and ends[-1] == pytest.approx(inside.max())
        assert any(len(line) == 2 and np.allclose(line[:, 0], median) for line in lines)
        assert any(len(line) == len(values) and np.allclose(line[:, 0], values) for line in lines)  # the dots


def test_the_same_model_has_the_same_colour_in_every_panel():
    vocals, drums = box_plot_figure(VALUES, "dB", ["mixture"]).axes
    colours = {panel: [patch.get_edgecolor() for patch in panel.patches] for panel in (vocals, drums)}
    assert colours[vocals][0] == colours[drums][0] and colours[vocals][2] == colours[drums][1]
    assert len(set(colours[vocals])) == 3
    assert vocals.lines[-1].get_color() != BASELINE == vocals.lines[0].get_color()


def test_what_is_not_finite_is_left_out_and_told():
    values = {"vocals": {"model": [1.0, np.nan, 3.0, -np.inf], "none": [np.nan, np.nan]}}
    figure = box_plot_figure(values, "dB")
    [panel] = figure.axes
    assert drawn(panel, 0)[0] == pytest.approx((1.5, 2.5))
    assert len(panel.patches) == 1
    assert [label.get_text() for label in panel.get_yticklabels()] == ["model\n(2 of 4)", "none\n(0 of 2)"]
    assert picture_bytes(figure).startswith(b"\x89PNG\r\n")


def test_long_and_odd_names_are_drawn_as_they_are():
    names = ["$x$ & $", "n" * 200]
    figure = box_plot_figure({"a$b$": {name: [1.0, 2.0] for name in names}}, "dB")
    short, long = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert short == names[0] and long.startswith("nnn") and long.endswith("…") and len(long) == 30
    assert picture_bytes(figure).startswith(b"\x89PNG\r\n")
