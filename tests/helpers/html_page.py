"""Questions that the tests of pages ask about a page."""

import base64
from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags with their attributes, and the texts in them."""

    VOID = {"meta", "img", "br", "input"}

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open:
            self.texts.append((self.open[-1], data.strip()))

    def of(self, *tags):
        return [text for tag, text in self.texts if tag in tags]

    def sources(self, tag):
        """Content and media type of what the page holds of sounds or pictures."""
        found = [attributes["src"] for name, attributes in self.tags if name == tag]
        return [
            (base64.b64decode(source.split("base64,")[1], validate=True), source[5 : source.index(";")])
            for source in found
        ]

    def tables(self):
        """Each table as its lines of cells, the heading first."""
        tables = []
        for part in self.source.split("<table>")[1:]:
            inner = _Cells()
            inner.feed(part.split("</table>")[0])
            tables.append(inner.lines)
        return tables

    def check_loads_nothing(self):
        """All that the page shows is in it."""
        assert "http:" not in self.source and "https:" not in self.source and "url(" not in self.source
        links = [value for _, attributes in self.tags for key, value in attributes.items() if key in ("src", "href")]
        assert links and all(link.startswith(("data:", "#")) for link in links)
        assert not {"link", "iframe", "object", "embed", "form"} & {tag for tag, _ in self.tags}
        [script] = [text for tag, text in self.texts if tag == "script"]
        assert "fetch(" not in script and "import" not in script and "XMLHttpRequest" not in script


class _Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.lines = []

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.lines.append([])
        elif tag in ("td", "th"):
            self.lines[-1].append("")

    def handle_data(self, data):
        if self.lines and self.lines[-1]:
            self.lines[-1][-1] += data.strip()
