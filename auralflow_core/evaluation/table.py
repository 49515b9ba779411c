"""Tables of scores: rows, their means and medians over the tracks, a CSV file and a table on the terminal."""

import csv
import os
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from auralflow_core.console.text import printable
from auralflow_core.storage.atomic import replacing

Row = dict[str, Any]  # a label or a number for each column

LABELS = ("track", "target", "estimate")
BASELINES = ("mixture", "ideal_mask")  # estimates that are not a model's
COLUMNS = (*LABELS, "si_sdr", "sdr", "si_sdr_improvement")
BSS_COLUMNS = ("bss_sdr", "bss_sir", "bss_isr", "bss_sar")
MUSEVAL_COLUMNS = ("museval_sdr", "museval_sir", "museval_isr", "museval_sar")
SUMMARIES = ("mean", "median")  # in place of a track's name
CAPTION = "Mean and median are over tracks. MDX's score is the mean of sdr, SiSEC's the median of {}_sdr."


def aggregate(rows: list[Row]) -> list[Row]:
    """The rows, followed by a row `mean` and a row `median` for each target and estimate; NaN does not count.

    A single track has neither.
    """
    if len({row["track"] for row in rows}) < 2:
        return list(rows)
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row["target"], row["estimate"]), []).append(row)
    summary = []
    for name, reduce in zip(SUMMARIES, (np.mean, np.median), strict=True):
        for (target, kind), members in groups.items():
            row = {"track": name, "target": target, "estimate": kind}
            for column in _columns(rows)[3:]:
                values = [member[column] for member in members if not np.isnan(member.get(column, np.nan))]
                row[column] = float(reduce(values)) if values else np.nan
            summary.append(row)
    return [*rows, *summary]


def worse_than_mixture(rows: list[Row]) -> dict[str, list[str]]:
    """The targets, by the name of their estimate, that are further from the truth than the mixture is, by SI-SDR.

    Args:
        rows: at most one for each target and estimate.

    Example:
        >>> row = {"track": "mean", "target": "other", "estimate": "model", "si_sdr_improvement": -1.3}
        >>> worse_than_mixture([row])
        {'model': ['other']}
    """
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["estimate"] not in BASELINES and row["si_sdr_improvement"] < 0:
            found.setdefault(row["estimate"], []).append(row["target"])
    return found


def write_csv(path: str | os.PathLike, rows: list[Row]) -> None:
    """Writes rows under the header `COLUMNS`, followed by the columns of BSSEval or museval, if measured.

    Bytes of file names that are not valid UTF-8 are escaped.
    """
    with replacing(path) as aside, open(aside, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_columns(rows))
        writer.writerows(_texts(rows, 4))


def table(rows: list[Row]) -> Table:
    """Rows as a table for the terminal, in dB with two decimals."""
    columns = _columns(rows)
    framewise = [column.removesuffix("_sdr") for column in (BSS_COLUMNS[0], MUSEVAL_COLUMNS[0]) if column in columns]
    result = Table(
        title="Evaluation, dB",
        box=None,
        padding=(0, 1, 0, 0),
        caption=CAPTION.format(framewise[0]) if framewise and len({row["track"] for row in rows}) > 1 else None,
    )
    for index, column in enumerate(columns):
        if index < 3:
            result.add_column(column, overflow="fold", min_width=5)
        else:  # a narrow terminal may break names, never scores
            header = column.replace("_sdr_", "_sdr\n").replace("bss_", "bss\n").replace("museval_", "museval\n")
            result.add_column(header, justify="right", no_wrap=True)
    previous = None
    for row, texts in zip(rows, _texts(rows, 2), strict=True):
        if previous not in (None, row["track"]):
            result.add_row()
        previous = row["track"]
        result.add_row(*(Text(printable(text)) for text in texts))  # no markup, whatever brackets a name has
    return result


def _columns(rows: list[Row]) -> tuple[str, ...]:
    return COLUMNS + tuple(column for column in BSS_COLUMNS + MUSEVAL_COLUMNS if any(column in row for row in rows))


def _texts(rows: list[Row], digits: int) -> list[list[str]]:
    columns = _columns(rows)
    values = ([row.get(column, np.nan) for column in columns] for row in rows)
    return [[value if isinstance(value, str) else f"{value:.{digits}f}" for value in line] for line in values]
