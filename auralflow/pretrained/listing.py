"""The ready models as a table."""

from rich.table import Table

from auralflow.pretrained.ready import DEFAULT, READY


def table() -> Table:
    """A row for each ready model."""
    listed = Table(box=None, padding=(0, 2, 0, 0), caption=f"{DEFAULT} separates where no model is named.",
                   caption_justify="left")
    for column in ("name", "targets", "size", "licence", "quality", "source"):
        listed.add_column(column, overflow="fold", no_wrap=column in ("name", "size"))
    for ready in READY.values():
        listed.add_row(ready.name, ", ".join(ready.targets), f"{ready.megabytes:.0f} MB", ready.licence, ready.quality,
                       ready.origin)
    return listed
