"""The evaluation's section of the page: a summary, and for each score box plots and a table of all tracks."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from auralflow.report.boxplots import box_plot_figure
from auralflow.report.markup import card, picture
from auralflow_core.evaluation.table import BASELINES, LABELS, SUMMARIES

HEADINGS = {
    "si_sdr": "SI-SDR",
    "sdr": "SDR",
    "si_sdr_improvement": "SI-SDR gain",
    "bss_sdr": "BSSEval SDR",
    "bss_sir": "BSSEval SIR",
    "bss_isr": "BSSEval ISR",
    "bss_sar": "BSSEval SAR",
    "museval_sdr": "museval SDR",
    "museval_sir": "museval SIR",
    "museval_isr": "museval ISR",
    "museval_sar": "museval SAR",
}
GAIN = "si_sdr_improvement"  # over the mixture; its plot would repeat that of the SI-SDR
NUMBER = ' class="number"'  # attribute of a cell
MANY = 12  # lines of a table of tracks that is open from the start
LEGEND = (
    "In dB; higher is better. <em>mixture</em> is the score without any separation, <em>ideal mask</em> that of a "
    "mask computed from the references; the gain is over the mixture."
)
BOXES = (
    "A box spans the middle half of the tracks, its line is their median; whiskers reach to the last track "
    "within 1.5 times its length. Every track is a dot."
)


def evaluation(rows: Sequence[Mapping]) -> str:
    """The scores of one or several models as HTML.

    Args:
        rows: with the keys of evaluation.csv, numbers or their text; a value that is missing or not finite becomes a
            dash. `estimate` is a model's name or one of `table.BASELINES`; the tracks `mean` and `median` are the
            summary.
    """
    rows = [{key: value if key in LABELS else _number(value) for key, value in row.items()} for row in rows]
    keys = dict.fromkeys(key for row in rows for key in row if key not in LABELS)
    columns = [key for key in HEADINGS if key in keys] + sorted(key for key in keys if key not in HEADINGS)
    summary = [row for row in rows if row["track"] in SUMMARIES]
    tracks = [row for row in rows if row["track"] not in SUMMARIES]
    if len({row["track"] for row in tracks}) == 1:  # nothing to summarize, and no boxes of one value
        return card(f'<p class="legend">{LEGEND}</p>' + _summary(columns, tracks))
    content = card(f'<p class="legend">{LEGEND}</p>' + _summary(columns, summary)) if summary else ""
    views = [_view(key, tracks) for key in columns if key != GAIN and tracks]
    return content + (
        card(f'<p class="legend">{BOXES}</p>\n<div class="views">{"".join(views)}</div>') if views else ""
    )


def _summary(columns: Sequence[str], rows: Sequence[Mapping]) -> str:
    heads = [*LABELS, *(HEADINGS.get(key, key) for key in columns)]
    lines = [
        (
            [row["track"], row["target"], _estimate(row["estimate"])],
            [_cell(row.get(key, math.nan), "+" if key == GAIN else "") for key in columns],
            row["estimate"] not in BASELINES,
        )
        for row in rows
    ]
    return _table(heads, lines)


def _view(key: str, rows: Sequence[Mapping]) -> str:
    """One kind of score: box plots over the tracks, and a table of all tracks with the estimates side by side."""
    rows = sorted(rows, key=lambda row: _order(row["estimate"]))
    estimates = list(dict.fromkeys(row["estimate"] for row in rows))
    tracks: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        tracks.setdefault((row["track"], row["target"]), {})[row["estimate"]] = row.get(key, math.nan)
    lines = [
        (place, [_cell(found.get(name, math.nan)) for name in estimates], False) for place, found in tracks.items()
    ]
    opened = " open" if len(lines) <= MANY else ""
    table = _table(["track", "target", *map(_estimate, estimates)], lines)
    return (
        f"<figure>\n<figcaption>{escape(HEADINGS.get(key, key))}</figcaption>\n{_boxes(key, rows)}\n"
        f"<details{opened}><summary>Every track</summary>{table}</details>\n</figure>"
    )


def _boxes(key: str, rows: Sequence[Mapping]) -> str:
    # The mixture consists of sources alone, so its SAR is nothing but rounding: near 200 dB, far beyond all others.
    drawn = [row for row in rows if not (key.endswith("_sar") and row["estimate"] == BASELINES[0])]
    note = "" if len(drawn) == len(rows) else '<p class="legend">The mixture has no artefacts, and no box here.</p>'
    values: dict[str, dict[str, list[float]]] = {}
    for row in drawn:
        values.setdefault(row["target"], {}).setdefault(_estimate(row["estimate"]), []).append(row.get(key, math.nan))
    heading = HEADINGS.get(key, key)
    figure = box_plot_figure(values, f"{heading} (dB)", [_estimate(name) for name in BASELINES])
    return picture(figure, f"Box plots of {heading} for {', '.join(values)}") + note


def _table(heads: Sequence[str], lines: Sequence[tuple[Sequence[str], Sequence[str], bool]]) -> str:
    """A table of labels followed by scores; a line may be marked."""
    labels, body = len(heads) - len(lines[0][1]), []
    head = "".join(
        f'<th scope="col"{"" if index < labels else NUMBER}>{escape(name)}</th>' for index, name in enumerate(heads)
    )
    for names, scores, marked in lines:
        cells = [f"<td>{escape(name)}</td>" for name in names] + [f"<td{NUMBER}>{score}</td>" for score in scores]
        body.append(f"<tr{' class=model' if marked else ''}>{''.join(cells)}</tr>")
    rows = "\n".join(body)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>'


def _order(estimate: str) -> int:
    """The place of an estimate in a plot: the mixture below all models, the ideal mask above."""
    return {BASELINES[0]: 0, BASELINES[1]: 2}.get(estimate, 1)


def _estimate(name: str) -> str:
    return name.replace("_", " ") if name in BASELINES else name


def _cell(value: float, sign: str = "") -> str:
    """A score with two decimals, or a dash where it is not finite."""
    return f"{value:{sign}.2f}".replace("-", "&minus;") if math.isfinite(value) else "&ndash;"


def _number(value: float | str | None) -> float:
    return math.nan if value is None or value == "" else float(value)
