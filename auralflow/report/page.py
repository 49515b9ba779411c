"""The page: one file that holds audio, pictures, style and script, and works without a network."""

import os
from collections.abc import Collection, Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

from auralflow.report.markup import card, picture
from auralflow.report.players import LOSSLESS, Example, player
from auralflow.report.tables import evaluation
from auralflow_core.audio.encode import Encoding
from auralflow_core.plots.signals import training_curve_figure
from auralflow_core.storage.atomic import replacing


def write_page(
    path: str | os.PathLike,
    title: str,
    intro: str,
    examples: Sequence[Example],
    rows: Sequence[Mapping],
    histories: Mapping[str, Sequence[Mapping]],
    notes: Mapping[str, object],
    encoding: Encoding = LOSSLESS,
) -> None:
    """Writes the page atomically; a section without content is left out.

    Args:
        path: of the HTML file.
        title: its heading.
        intro: plain text; an empty line separates paragraphs.
        examples: the players.
        rows: of the evaluation; see `tables.evaluation`.
        histories: of the training, model -> one mapping per epoch; see `training_curve_figure`.
        notes: settings and other facts, name -> value.
        encoding: of the audio, flac or mp3.

    Raises:
        InputError: an example's signals differ in shape, are not (channels, samples), or not finite.
    """
    sections = {
        "Listen": "\n".join(player(example, encoding, opened=index == 0) for index, example in enumerate(examples)),
        "Evaluation": evaluation(rows),
        "Training": _training({name: history for name, history in histories.items() if history}),
        "Settings": _settings(notes),
    }
    write_sections(path, title, intro, sections)


def write_sections(path: str | os.PathLike, title: str, intro: str, sections: Mapping[str, str]) -> None:
    """Writes a page of any sections atomically, in the style of all pages.

    Args:
        path: of the HTML file.
        title: its heading.
        intro: plain text; an empty line separates paragraphs.
        sections: heading -> HTML; those without content are left out.
    """
    sections = {heading: content for heading, content in sections.items() if content}
    template = resources.files("auralflow.report").joinpath("page.html").read_text(encoding="utf-8")
    page = Template(template).substitute(
        title=escape(title),
        intro="\n".join(f"<p>{escape(part.strip())}</p>" for part in intro.split("\n\n") if part.strip()),
        contents=_contents(sections),
        sections="\n".join(
            f'<section id="{_anchor(heading)}">\n<h2>{heading}</h2>\n{content}\n</section>'
            for heading, content in sections.items()
        ),
    )
    with replacing(path) as aside:
        aside.write_text(page, encoding="utf-8", errors="backslashreplace")  # of names that are no UTF-8


def _contents(headings: Collection[str]) -> str:
    """Links to the sections, if there are several."""
    links = " ".join(f'<a href="#{_anchor(heading)}">{heading}</a>' for heading in headings)
    return f"<nav>{links}</nav>" if len(headings) > 1 else ""


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _training(histories: Mapping[str, Sequence[Mapping]]) -> str:
    """The curves of each run, under its model's name if there are several."""
    cards = []
    for name, history in histories.items():
        heading = f"<h3>{escape(name)}</h3>" if len(histories) > 1 else ""
        cards.append(card(heading + picture(training_curve_figure(history), f"Training curve of {name}")))
    return "\n".join(cards)


def _settings(notes: Mapping[str, object]) -> str:
    if not notes:
        return ""
    body = "\n".join(
        f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>" for name, value in notes.items()
    )
    return card(f'<table class="settings"><tbody>{body}</tbody></table>')
