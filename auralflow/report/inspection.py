"""The page about the inspection of a dataset."""

import os
from collections.abc import Iterable, Sequence
from html import escape

from auralflow.inspection.dataset import InspectedTrack, Inspection
from auralflow.inspection.findings import KINDS, Finding
from auralflow.report.markup import card
from auralflow.report.page import write_sections
from auralflow_core.console.progress import duration
from auralflow_core.console.text import count, printable
from auralflow_core.errors import brief

LONGEST = 1000  # letters of a finding
COMMAND = 'auralflow config MODEL --exclude "$(cat exclude.json)"'


def write_inspection(path: str | os.PathLike, inspection: Inspection) -> None:
    """Writes the page atomically: what is to be left out, the findings by kind and by track, and all tracks.

    Args:
        path: of the HTML file.
        inspection: what was found.
    """
    name = printable(inspection.dataset.resolve().name)
    found = [item for item in inspection.tracks if item.findings]
    intro = [f"{count(len(inspection.tracks), 'track')}, of which {len(found)} with findings."]
    write_sections(
        path,
        f"Inspection of {name}",
        "\n\n".join(intro),
        {
            "Dataset": card("".join(f"<p>{_text(note)}</p>" for note in inspection.notes)) if inspection.notes else "",
            "Leave out": _leave_out(inspection),
            "Findings": _by_kind(found),
            "All tracks": _all_tracks(inspection.tracks),
        },
    )


def _leave_out(inspection: Inspection) -> str:
    if not inspection.exclude:
        return ""
    rows = "\n".join(
        _row(item.label, (finding for finding in item.findings if finding.leave_out))
        for item in inspection.tracks
        if item.is_left_out
    )
    return card(
        "<p>These tracks are not fit for training. The file exclude.json next to this page holds their names; "
        f"<code>{escape(COMMAND)}</code> keeps them out.</p>\n{_table(rows)}"
    )


def _by_kind(tracks: Sequence[InspectedTrack]) -> str:
    """A card for each kind of finding, with the tracks that it concerns."""
    cards = []
    for kind, meaning in KINDS.items():
        rows = [
            _row(item.label, found)
            for item in tracks
            if (found := [finding for finding in item.findings if finding.kind == kind])
        ]
        if rows:
            cards.append(
                card(
                    f"<h3>{escape(kind)} <span>&middot; {count(len(rows), 'track')}</span></h3>\n"
                    f'<p class="legend">{escape(meaning)}</p>\n{_table(chr(10).join(rows))}'
                )
            )
    return "\n".join(cards)


def _all_tracks(tracks: Sequence[InspectedTrack]) -> str:
    rows = "\n".join(f"<tr><td>{_text(item.label)}</td><td>{_text(describe(item))}</td></tr>" for item in tracks)
    return card(f"<details><summary>{count(len(tracks), 'track')}</summary>{_table(rows)}</details>")


def describe(item: InspectedTrack) -> str:
    """A track's length, format and files in a few words."""
    if item.track is None:
        return "not read"
    channels = "mono" if item.track.channels == 1 else "stereo"
    names = ", ".join(item.track.files)
    return f"{duration(item.track.seconds)}, {item.track.sample_rate} Hz, {channels}: {names}"


def _row(label: str, findings: Iterable[Finding]) -> str:
    texts = "<br>".join(_text(finding.text) for finding in findings)
    return f"<tr><td>{_text(label)}</td><td>{texts}</td></tr>"


def _table(rows: str) -> str:
    return f'<table class="settings"><tbody>{rows}</tbody></table>'


def _text(text: str) -> str:
    return escape(brief(text, LONGEST))
