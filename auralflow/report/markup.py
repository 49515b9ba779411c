"""HTML elements that all sections of the page use."""

import base64
from html import escape

from matplotlib.figure import Figure

from auralflow_core.plots.signals import picture_bytes


def card(content: str) -> str:
    """A framed box."""
    return f'<div class="card">{content}</div>'


def picture(figure: Figure, text: str, format: str = "png") -> str:
    """A figure as an image in the page, which scrolls if it is too wide for the window.

    Args:
        figure: the figure.
        text: the alternative text, for readers who cannot see it.
        format: "png" for lines and letters; "webp" for spectrograms, at a seventh of the size.
    """
    source = data_uri(picture_bytes(figure, format), f"image/{format}")
    return f'<div class="scroll"><img class="picture" alt="{escape(text)}" src="{source}"></div>'


def data_uri(content: bytes, media_type: str) -> str:
    """A file's content as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
