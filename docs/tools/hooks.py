"""Steps of `mkdocs build`: they fill in generated tables, add pages from the repository's root, and set formulas."""

import html
import re
import sys
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from public_names import reference  # noqa: E402
from settings_table import settings  # noqa: E402

PAGES_OF_THE_ROOT = ("CONTRIBUTING.md", "CHANGELOG.md")
GENERATED = re.compile(r"^<!-- generated: (\w+)(?: (\w+))? -->$", re.MULTILINE)
FORMULA = re.compile(r'<(?:span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</(?:span|div)>', re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)((?:#[^)\s]*)?)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie outside docs/."""
    for name in PAGES_OF_THE_ROOT:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fills in what is generated, and points links at the site, or at the repository."""
    markdown = GENERATED.sub(lambda found: generate(*found.groups()), markdown)
    folder = ROOT if page.file.src_uri in PAGES_OF_THE_ROOT else ROOT / "docs" / Path(page.file.src_uri).parent
    return LINK.sub(lambda found: _link(found, folder, page, config), markdown)


def generate(kind: str, name: str | None) -> str:
    """The markdown that stands for `<!-- generated: KIND NAME -->`."""
    return settings() if kind == "settings" else reference(name)


def on_page_content(content: str, **_) -> str:
    """Turns formulas into MathML, which browsers show without a script."""
    return FORMULA.sub(_formula, content)


def _formula(found: re.Match) -> str:
    return convert(html.unescape(found[2]), display="block" if found[1] == "[" else "inline")


def _link(found: re.Match, folder: Path, page: Page, config: MkDocsConfig) -> str:
    """A link to a file of the repository: to its page if it has one, else to the file in the repository."""
    target = (folder / found[1]).resolve()
    if target.is_relative_to(ROOT / "docs"):
        inside = target.relative_to(ROOT / "docs").as_posix()
    elif target.parent == ROOT and target.name in PAGES_OF_THE_ROOT:
        inside = target.name
    elif target.exists():
        return f"]({config.repo_url.rstrip('/')}/blob/main/{target.relative_to(ROOT).as_posix()}{found[2]})"
    else:
        return found[0]
    levels = page.file.src_uri.count("/")
    return f"]({'../' * levels}{inside}{found[2]})"
