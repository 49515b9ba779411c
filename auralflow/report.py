"""One HTML page about a model: what it does to songs, how good it is, how it was trained.

The page is a single file that needs no network: sounds, pictures, style and script are in it.
"""

import base64
import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import NamedTuple

import numpy as np
import soundfile

from auralflow.errors import InputError
from auralflow.files import replacing
from auralflow.plots import png_bytes, spectrogram_figure, training_curve_figure

COLUMNS = {  # of the evaluation, as headings
    "track": "track", "target": "target", "estimate": "estimate", "si_sdr": "SI-SDR (dB)", "sdr": "SDR (dB)",
    "si_sdr_improvement": "SI-SDR gain (dB)", "bss_sdr": "BSSEval SDR (dB)", "bss_sir": "BSSEval SIR (dB)",
    "bss_isr": "BSSEval ISR (dB)", "bss_sar": "BSSEval SAR (dB)", "museval_sdr": "museval SDR (dB)",
    "museval_sir": "museval SIR (dB)", "museval_isr": "museval ISR (dB)", "museval_sar": "museval SAR (dB)",
}
LABELS = ("track", "target", "estimate")  # the columns that are no numbers
SUMMARIES = ("mean", "median")  # the tracks that are none
LEGEND = ("Higher is better. <em>mixture</em> is what no separation at all would score, <em>ideal mask</em> what a "
          "mask could reach that knew the truth; the gain is over the mixture.")


class Example(NamedTuple):
    """One target of one song, to be listened to."""

    track: str
    target: str
    mixture: np.ndarray  # (channels, samples), as are the next two
    estimate: np.ndarray
    truth: np.ndarray
    sample_rate: int  # Hz


def write_page(
    path: str | os.PathLike,
    title: str,
    intro: str,
    examples: Sequence[Example],
    rows: Sequence[Mapping],
    history: Sequence[Mapping],
    notes: Mapping[str, object],
) -> None:
    """Writes the page, aside first; a section without content is left out.

    Args:
        path: of the HTML file.
        title: its heading.
        intro: plain text; an empty line separates paragraphs.
        examples: what to listen to.
        rows: of the evaluation, with the keys of evaluation.csv, numbers or their text; what is missing or not finite
            becomes a dash. The tracks `mean` and `median` are the summary.
        history: of the training, one mapping per epoch (see `plots.training_curve_figure`).
        notes: settings and other facts, name -> value.

    Raises:
        InputError: an example's signals differ in shape or are not (channels, samples).
    """
    template = resources.files("auralflow").joinpath("report.html").read_text(encoding="utf-8")
    page = Template(template).substitute(
        title=escape(title),
        intro="\n".join(f"<p>{escape(part.strip())}</p>" for part in intro.split("\n\n") if part.strip()),
        examples=_section("Listen", "\n".join(map(_example, examples))),
        evaluation=_section("Evaluation", _evaluation(rows)),
        training=_section("Training", _card(_picture(training_curve_figure(history), "Training curve"))
                          if history else ""),
        settings=_section("Settings", _settings(notes)),
    )
    with replacing(path) as aside:
        aside.write_text(page, encoding="utf-8")


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{content}\n</section>" if content else ""


def _card(content: str) -> str:
    return f'<div class="card scroll">{content}</div>'


def _example(example: Example) -> str:
    """A player that switches between mixture, estimate and truth, and their spectrograms."""
    signals = {"Mixture": example.mixture, "Estimate": example.estimate, "Truth": example.truth}
    shapes = [np.shape(signal) for signal in signals.values()]
    if len(set(shapes)) > 1 or len(shapes[0]) != 2:
        raise InputError(f"example {example.track!r}: mixture, estimate and truth have shapes "
                         f"{', '.join(map(str, shapes))}, expected one shape (channels, samples)")
    peak = max(float(np.abs(signal).max()) for signal in signals.values())
    gain = min(1.0, 1 / max(peak, 1e-9))  # one for all, so that their levels stay comparable
    sounds = "\n".join(
        f'<figure><figcaption>{name}</figcaption><audio controls preload="metadata" '
        f'src="{_flac_uri(gain * signal, example.sample_rate)}"></audio></figure>' for name, signal in signals.items())
    quieter = f" &middot; played {-20 * math.log10(gain):.1f} dB quieter, to fit" if gain < 1 else ""
    panels = {name.lower(): signal for name, signal in signals.items()}
    picture = _picture(spectrogram_figure(panels, example.sample_rate),
                       f"Spectrograms of mixture, estimate and truth: {example.target} of {example.track}")
    return (f'<article class="card">\n<h3>{escape(example.track)} <span>&middot; {escape(example.target)}{quieter}'
            f'</span></h3>\n<div class="player">\n{sounds}\n</div>\n<div class="scroll">{picture}</div>\n</article>')


def _evaluation(rows: Sequence[Mapping]) -> str:
    """The summary in sight, the tracks to unfold when they are many."""
    if not rows:
        return ""
    known = [key for key in COLUMNS if any(key in row for row in rows)]
    columns = known + sorted({key for row in rows for key in row} - set(known))
    summary = [row for row in rows if row.get("track") in SUMMARIES]
    tracks = [row for row in rows if row.get("track") not in SUMMARIES]
    content = f'<p class="legend">{LEGEND}</p>' + (_table(columns, summary) if summary else "")
    if tracks:
        opened = " open" if len(tracks) <= 12 or not summary else ""
        content += f"<details{opened}><summary>Every track</summary>{_table(columns, tracks)}</details>"
    return f'<div class="card">{content}</div>'


def _table(columns: Sequence[str], rows: Iterable[Mapping]) -> str:
    heads = "".join(f'<th scope="col"{_class(key)}>{escape(COLUMNS.get(key, key))}</th>' for key in columns)
    body = "\n".join(
        f'<tr{" class=model" if row.get("estimate") == "model" else ""}>'
        + "".join(f"<td{_class(key)}>{_cell(key, row.get(key))}</td>" for key in columns) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _class(key: str) -> str:
    return "" if key in LABELS else ' class="number"'


def _cell(key: str, value: object) -> str:
    """The text of a cell: labels as they are, numbers with two digits, a dash for what is no number."""
    if key in LABELS:
        text = str("" if value is None else value)
        return escape(text.replace("_", " ") if key == "estimate" else text)
    number = float(value) if value not in (None, "") else math.nan
    sign = "+" if key == "si_sdr_improvement" else ""
    return f"{number:{sign}.2f}".replace("-", "&minus;") if math.isfinite(number) else "&ndash;"


def _settings(notes: Mapping[str, object]) -> str:
    if not notes:
        return ""
    body = "\n".join(f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>"
                     for name, value in notes.items())
    return f'<div class="card"><table class="settings"><tbody>{body}</tbody></table></div>'


def _picture(figure, text: str) -> str:
    data = base64.b64encode(png_bytes(figure)).decode()
    return f'<img class="picture" alt="{escape(text)}" src="data:image/png;base64,{data}">'


def _flac_uri(audio: np.ndarray, sample_rate: int) -> str:
    """Audio (channels, samples) as 16-bit FLAC, which all current browsers play."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.asarray(audio, np.float32).T, sample_rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(buffer.getvalue()).decode()}"
