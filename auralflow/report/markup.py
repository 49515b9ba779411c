"""Pieces of HTML that all sections of the page are made of."""

import base64
from html import escape

from matplotlib.figure import Figure

from auralflow_core.plots.signals import picture_bytes


def card(content: str) -> str:
    """A framed box."""
    return f'<div class="card">{content}</div>'


def picture(figure: Figure, text: str, format: str = "png") -> str:
    """A figure inside the page; one that is too wide for the window can be scrolled.

    Args:
        figure: what to draw.
        text: tells it to those who do not see it.
        format: "png" for lines and letters, "webp" for what is like a photograph, at a seventh of the size.
    """
    source = data_uri(picture_bytes(figure, format), f"image/{format}")
    return f'<div class="scroll"><img class="picture" alt="{escape(text)}" src="{source}"></div>'


def data_uri(content: bytes, media_type: str) -> str:
    """A file's content as an address that needs no file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
