"""Box plots of the scores of all tracks, for each target and estimate."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.cbook import boxplot_stats
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from auralflow_core.console.text import printable

COLOURS = ("#2f5d8a", "#c8553d", "#4c8c5b", "#8a5a9e", "#b8862f", "#3f8f98")  # of models, in their order
BASELINE = "#7b8591"
HEIGHT = 0.34  # inches of a box and its share of the gap to the next
LONGEST = 30  # letters of a name next to a box


def box_plot_figure(
    values: Mapping[str, Mapping[str, Sequence[float]]], label: str, baselines: Sequence[str] = ()
) -> Figure:
    """Draws boxes of estimates below each other, in a panel for each target.

    A box reaches from the lower to the upper quartile, its line is the median, its whiskers end at the last values
    within 1.5 times its length (Tukey, "Exploratory Data Analysis", 1977); every value is a dot.

    Args:
        values: target -> estimate -> the values of all tracks. Values that are not finite are left out, and a note
            next to the estimate says so.
        label: of the common axis.
        baselines: names of estimates that are drawn in grey.
    """
    counts = [len(estimates) for estimates in values.values()]
    figure = Figure(figsize=(9, HEIGHT * sum(counts) + 0.55 * len(counts) + 0.5), layout="constrained")
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False, height_ratios=counts)[:, 0]
    models = dict.fromkeys(name for estimates in values.values() for name in estimates if name not in baselines)
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(models)}
    for panel, (target, estimates) in zip(panels, values.items(), strict=True):
        names = []
        for place, (name, tracks) in enumerate(estimates.items()):
            finite = [value for value in tracks if math.isfinite(value)]
            _draw_box(panel, place, finite, colours.get(name, BASELINE))
            name = printable(name)
            short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
            names.append(short if len(finite) == len(tracks) else f"{short}\n({len(finite)} of {len(tracks)})")
        panel.set_yticks(range(len(names)), names, parse_math=False)
        panel.set_ylim(len(names) - 0.4, -0.6)
        panel.set_title(printable(target), loc="left", fontsize="medium", parse_math=False)
        panel.grid(axis="x", alpha=0.3)
    panels[-1].set_xlabel(label)
    return figure


def _draw_box(panel, place: int, values: Sequence[float], colour: str) -> None:
    if not values:
        return
    [stats] = boxplot_stats(values)
    line = {"color": colour}
    panel.bxp(
        [stats],
        positions=[place],
        widths=0.6,
        orientation="horizontal",
        patch_artist=True,
        showfliers=False,
        manage_ticks=False,
        boxprops={"facecolor": to_rgba(colour, 0.25), "edgecolor": colour},
        medianprops=line | {"linewidth": 2},
        whiskerprops=line,
        capprops=line,
    )
    panel.plot(values, [place] * len(values), "o", color=colour, markersize=3.5, alpha=0.6, markeredgewidth=0)
