"""The ready models as a table."""

from rich.table import Table

from auralflow.pretrained.registry import DEFAULTS, READY


def table() -> Table:
    """A row for each ready model."""
    caption = (f"Where no model is named, {DEFAULTS[0]} separates; {DEFAULTS[1]} where --targets asks for what only it "
               "has.")
    listed = Table(box=None, padding=(0, 2, 0, 0), caption=caption, caption_justify="left")
    for column in ("name", "targets", "size", "licence", "quality", "source"):
        listed.add_column(column, overflow="fold", no_wrap=column in ("name", "size"))
    for ready in READY.values():
        listed.add_row(ready.name, ", ".join(ready.targets), f"{ready.megabytes:.0f} MB", ready.licence, ready.quality,
                       ready.origin)
    return listed
