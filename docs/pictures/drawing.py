"""A few shapes for diagrams, written as SVG by hand: boxes, arrows and text, large enough for a telephone's screen."""

from html import escape
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "images"
INK, PAPER, LINE = "#1f2937", "#ffffff", "#64748b"
BLUE, GREEN, AMBER, ROSE, GREY = "#dbe7fb", "#d9f2e0", "#fdeccb", "#fbdde0", "#eef1f5"


class Drawing:
    """A picture of a fixed size, to which shapes are added."""

    def __init__(self, width: int, height: int, title: str):
        self.width, self.height, self.title = width, height, title
        self.shapes: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, *lines: str, fill: str = GREY, size: int = 22):
        """A rounded box with centred lines of text, the first of them bold."""
        self.shapes.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="{fill}" stroke="{LINE}" '
            'stroke-width="1.5"/>'
        )
        step = 1.25 * size
        top = y + height / 2 - step * (len(lines) - 1) / 2
        for number, line in enumerate(lines):
            self.text(
                x + width / 2, top + number * step, line, size=size if number == 0 else size - 2, bold=number == 0
            )

    def text(self, x: float, y: float, line: str, size: int = 20, bold: bool = False, anchor: str = "middle"):
        """A line of text, vertically centred on y."""
        weight = "600" if bold else "400"
        self.shapes.append(
            f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
            f'dominant-baseline="central" fill="{INK}">{escape(line)}</text>'
        )

    def arrow(self, *points: tuple[float, float], dashed: bool = False):
        """A line through the points, with a head at the last one."""
        path = " ".join(f"{x},{y}" for x, y in points)
        dash = ' stroke-dasharray="7 6"' if dashed else ""
        self.shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2.5"{dash} marker-end="url(#head)"/>'
        )

    def save(self, name: str) -> None:
        """Writes the picture to docs/images."""
        head = (
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" '
            f'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{LINE}"/></marker></defs>'
        )
        font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
        size = f'viewBox="0 0 {self.width} {self.height}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{font}">',
            f"<title>{escape(self.title)}</title>",
            head,
            f'<rect width="{self.width}" height="{self.height}" rx="14" fill="{PAPER}"/>',
            *self.shapes,
            "</svg>",
        ]
        (IMAGES / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
