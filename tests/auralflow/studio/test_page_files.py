"""The page's files in the package: they are those of web/, and the licences of others are with them."""

import hashlib
import json
import tomllib
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


def test_all_files_are_there():
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


def test_the_licences_name_whatever_the_page_contains():
    """All packages that are not for development alone, and what the WebAssembly of one of them was compiled with."""
    licences = (PAGE / "licences.txt").read_text(encoding="utf-8")
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    bundled = [path for path, package in lock.items() if path and not package.get("dev")]
    assert bundled == ["node_modules/signalsmith-stretch"]
    for path in (*bundled, "node_modules/vite"):
        name = path.rpartition("node_modules/")[2]
        assert f"({name} {lock[path]['version']}), {lock[path]['license']}:" in licences
    for holder in ("Signalsmith Audio Ltd", "Emscripten authors", "Rich Felker", "Sun Microsystems", "VoidZero"):
        assert licences.count(holder) >= 1, holder
    assert licences.count("Permission is hereby granted, free of charge") == 4
    assert "LLVM-exception" in licences and "dlmalloc" in licences


def test_the_wheel_hands_the_licences_out():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "auralflow/studio/page/licences.txt" in project["license-files"]
