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
OPTION = re.compile(r"(?<=[\s>])--\w[\w-]*")
CODE = re.compile(r"<code>([^<]*)</code>")
LINK = re.compile(r"\]\(([^)#:\s]+)((?:#[^)\s]*)?)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie outside docs/."""
    for name in PAGES_OF_THE_ROOT:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fills in what is generated, and makes links to files of the repository work on the site."""
    markdown = GENERATED.sub(lambda found: generate(*found.groups()), markdown)
    folder = ROOT if page.file.src_uri in PAGES_OF_THE_ROOT else ROOT / "docs" / Path(page.file.src_uri).parent
    levels = "../" * page.file.src_uri.count("/")

    def link(found: re.Match) -> str:
        inside = _address((folder / found[1]).resolve(), config, files)
        return found[0] if inside is None else f"]({levels}{inside}{found[2]})"

    return LINK.sub(link, markdown)


def generate(kind: str, name: str | None) -> str:
    """The markdown that stands for `<!-- generated: KIND NAME -->`."""
    return settings() if kind == "settings" else reference(name or "")


def on_page_content(content: str, **_) -> str:
    """Turns formulas into MathML, which browsers show without a script, and keeps options in one line."""
    return CODE.sub(_code, FORMULA.sub(_formula, content))


def _code(found: re.Match) -> str:
    """Code in a sentence, which browsers would break after each dash of an option."""
    return OPTION.sub(r'<span class="option">\g<0></span>', found[0])


def _formula(found: re.Match) -> str:
    formula = convert(html.unescape(found[2]), display="block" if found[1] == "[" else "inline")
    if "\\" in formula:
        raise ValueError(f"a command in the formula {found[2]} is unknown to latex2mathml, and would be shown as text")
    return formula


def _address(target: Path, config: MkDocsConfig, files: Files) -> str | None:
    """Where the site has a file of the repository: its page, or a copy of the file that is added now."""
    if target.is_relative_to(ROOT / "docs"):
        return target.relative_to(ROOT / "docs").as_posix()
    if not target.is_file() or not target.is_relative_to(ROOT):
        return None
    name = target.relative_to(ROOT).as_posix()
    if name in PAGES_OF_THE_ROOT:
        return name
    copy = f"repository/{name}"
    if files.get_file_from_path(copy) is None:
        files.append(File.generated(config, copy, abs_src_path=str(target)))
    return copy
