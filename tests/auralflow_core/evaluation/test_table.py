import csv
import io
import os

import numpy as np
import pytest
import rich.console

from auralflow_core.evaluation.table import BSS_COLUMNS, COLUMNS, MUSEVAL_COLUMNS, aggregate, table, write_csv


def some_rows():
    return [
        {
            "track": track,
            "target": "vocals",
            "estimate": kind,
            "si_sdr": value,
            "sdr": value + 1,
            "si_sdr_improvement": value - 2,
        }
        for track, shift in (("A", 0.0), ("B", 3.0), ("C", 9.0))
        for kind, value in (("model", shift), ("mixture", 1.0))
    ]


def test_mean_and_median_follow_for_each_target_and_estimate():
    rows = some_rows()
    rows[2]["sdr"] = np.nan
    summary = aggregate(rows)
    assert summary[:6] == rows and [row["track"] for row in summary[6:]] == ["mean", "mean", "median", "median"]
    mean, _, median, _ = summary[6:]
    assert (mean["target"], mean["estimate"], mean["si_sdr"], median["si_sdr"]) == ("vocals", "model", 4.0, 3.0)
    assert mean["sdr"] == 5.5  # of 1 and 10: an undefined figure does not count
    assert aggregate([]) == []


def test_the_file_has_the_promised_header_and_four_decimals(tmp_path):
    path = tmp_path / "evaluation.csv"
    rows = some_rows()
    rows[0] |= {"track": 'Say "hi", ü', "si_sdr": 1 / 3, "sdr": np.nan, "si_sdr_improvement": -np.inf}
    write_csv(path, rows)
    assert path.read_bytes().split(b"\n")[0] == b"track,target,estimate,si_sdr,sdr,si_sdr_improvement"
    with open(path, encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 6 and list(read[0].values()) == ['Say "hi", ü', "vocals", "model", "0.3333", "nan", "-inf"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "evaluation.csv"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_csv(path, [*some_rows(), {key: [] for key in COLUMNS}])
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["evaluation.csv"]


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("columns", [BSS_COLUMNS, MUSEVAL_COLUMNS])
def test_the_table_shows_every_figure_on_any_terminal(width, columns):
    rows = [row | dict.fromkeys(columns, -123.456) for row in some_rows()]
    console = rich.console.Console(width=width, record=True, file=io.StringIO())
    console.print(table(rows))
    text = console.export_text()
    assert text.count("-123.46") == 6 * 4 and "10.00" in text and "…" not in text
    assert "SiSEC" in text and columns[0] in text


def test_framewise_figures_stand_behind_the_others(tmp_path):
    for columns in (BSS_COLUMNS, MUSEVAL_COLUMNS):
        write_csv(tmp_path / "scores.csv", [*some_rows(), some_rows()[0] | dict.fromkeys(columns, 1.5)])
        lines = (tmp_path / "scores.csv").read_text().splitlines()
        assert lines[0] == ",".join(COLUMNS + columns)
        assert lines[1].endswith(4 * ",nan") and lines[-1].endswith(4 * ",1.5000")


NAMES = (
    "Song [live] [b]x",
    "a :smile: b",
    "[red]",
    "[/]",
    "[/b] c",
    "\\\\[x]",
    "[link=a]b",
    "a\udce9",
    "[[]]",
    "=1+1",
    "音 $x$",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_text_and_no_markup(name, tmp_path):
    rows = [row | {"track": name, "target": name} for row in some_rows()[:2]]
    console = rich.console.Console(width=200, file=io.StringIO())
    console.print(table(rows))
    shown = name.replace("\udce9", "\\udce9")
    assert console.file.getvalue().count(shown) == 4  # pyright: ignore[reportAttributeAccessIssue]
    write_csv(tmp_path / "a.csv", rows)
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        assert {row["track"] for row in csv.DictReader(file)} == {shown}


def test_a_single_track_has_no_mean_and_no_median():
    rows = some_rows()[:2]
    assert aggregate(rows) == rows
    rows = [row | dict.fromkeys(BSS_COLUMNS, 1.0) for row in rows]
    assert table(rows).caption is None
