"""Promises of the pages beyond the blocks that run: links, lengths, names of scripts and options, quoted messages."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from auralflow.cli.main import parse

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("auralflow", "auralflow_core", "auralflow_jax", "auralflow_torch", "bridge")
BY_NAME = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def text_of(page):
    return page.read_text(encoding="utf-8")


def anchors(page):
    """The anchors of a page's headings, as mkdocs makes them."""
    found = []
    for heading in re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE):
        plain = re.sub(r"[^\w\s-]", "", heading.lower()).strip()
        slug = re.sub(r"[-\s]+", "-", plain)
        found.append(slug if slug not in found else f"{slug}_{found.count(slug)}")
    return set(found)


def test_the_readme_is_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= 150


@BY_NAME
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text_of(page)):
        if "://" in target:
            continue
        path = page if not target else (page.parent / target).resolve()
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), f"{target}#{anchor}"


@BY_NAME
def test_scripts_that_are_named_exist_and_have_the_options(page):
    for name, rest in re.findall(r"\bpython ((?:benchmarks|docs)/[\w/.]+)([^`\n#]*)", text_of(page)):
        path = ROOT / name
        assert path.exists(), name
        script = "".join(map(text_of, path.glob("*.py") if path.is_dir() else [path]))
        if "add_settings(parser)" in script:
            script += text_of(ROOT / "benchmarks" / "arguments.py")
        for option in re.findall(r"--\w[\w-]*", rest):
            assert f'"{option}"' in script, f"{name} {option}"


@BY_NAME
def test_options_that_are_named_exist(page, capsys):
    for words, rest in re.findall(r"`auralflow (convert [\w-]+|\w+)((?:\s[^`]*)?)`", text_of(page)):
        with pytest.raises(SystemExit) as stop:
            parse([*words.split(), "--help"])
        assert stop.value.code == 0, words
        text = capsys.readouterr().out
        for option in re.findall(r"--\w[\w-]*", rest):
            assert option in text, f"auralflow {words} {option}"


def test_messages_that_are_quoted_are_those_of_the_code():
    """Each part of a quoted message between two ellipses stands in some string of the code."""
    strings = "\n".join(
        message for package in PACKAGES for path in ROOT.glob(f"{package}/**/*.py") for message in messages(path)
    )
    quoted = re.findall(r"^> (.+)$", text_of(ROOT / "docs" / "troubleshooting.md"), re.MULTILINE)
    assert len(quoted) > 20
    missing = [
        part for line in quoted for part in re.split("…", line) if part.strip(" ().;,") and part.strip() not in strings
    ]
    assert not missing


def messages(path):
    """The strings of a file, those with fields in pieces."""
    return [
        node.value
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_all_dependencies_are_explained():
    """The table of the page about installing has each package that pyproject.toml names."""
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    named = {
        re.match(r"[\w-]+", entry)[0] for entries in (project["dependencies"], *extras.values()) for entry in entries
    }
    table = text_of(ROOT / "docs" / "install.md").partition("## Dependencies")[2]
    explained = {
        name for row in re.findall(r"^\| (.+?) \|", table, re.MULTILINE) for name in re.findall(r"[\w-]+", row)
    }
    assert named - {"auralflow"} <= explained
    assert all(f"| `{extra}`" in text_of(ROOT / "docs" / "install.md") or extra == "tpu" for extra in extras)


def test_pictures_are_small():
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert pictures and all(path.stat().st_size < 150_000 for path in pictures)


def test_pages_of_the_site_are_in_its_navigation():
    listed = set(re.findall(r"^\s+- (\S+\.md)$", text_of(ROOT / "mkdocs.yml"), re.MULTILINE))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES[2:]}
    assert pages == listed - {"CONTRIBUTING.md", "CHANGELOG.md"}
