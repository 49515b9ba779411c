"""The page's files in the package: they are those of web/, and the licences of others are with them."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "auralflow" / "studio" / "page"
SOURCES = "index.html package.json package-lock.json public src tools tsconfig.json vite.config.ts".split()


def test_the_built_files_are_those_of_the_sources():
    """The hash is that of web/tools/plugins.ts; `.ci/page` compares the files themselves."""
    web, digest = ROOT / "web", hashlib.sha256()
    paths = [path for name in SOURCES for path in (web / name, *(web / name).rglob("*")) if path.is_file()]
    for path in sorted(paths, key=lambda path: path.relative_to(web).as_posix()):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(web).as_posix()} {len(data)}\n".encode() + data)
    built = (PAGE / "sources.txt").read_text(encoding="utf-8").strip()
    assert built == digest.hexdigest(), "the page is stale: .ci/page build"


def test_all_files_are_there_with_the_licences():
    names = {path.name for path in PAGE.iterdir()}
    assert names == {
        "index.html",
        "studio.js",
        "studio.css",
        "render.js",
        "worklet.js",
        "icon.svg",
        "licences.txt",
        "sources.txt",
    }
    licences = (PAGE / "licences.txt").read_text(encoding="utf-8")
    assert "MIT License" in licences
    assert "Signalsmith Audio Ltd" in licences
