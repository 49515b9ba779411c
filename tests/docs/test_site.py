"""The documentation site is built without a warning, and holds what is generated."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from auralflow_core.config.reference import leaves

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    process = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return folder


def test_every_setting_is_in_the_table(site):
    page = (site / "settings" / "index.html").read_text()
    rows = re.findall(r"<tr>\s*<td><code>(\w+)</code></td>", page)
    assert sorted(rows) == sorted({leaf.name for leaf in leaves()})


@pytest.mark.parametrize(
    "package, name",
    [
        ("auralflow", "separate"),
        ("auralflow_jax", "load"),
        ("auralflow_torch", "StreamingSeparator"),
        ("auralflow_core", "Config"),
        ("bridge", "to_flax"),
    ],
)
def test_the_reference_shows_public_names(site, package, name):
    page = (site / "reference" / package / "index.html").read_text()
    assert re.search(rf"<h\d[^>]*>(?:(?!</h\d>).)*{package}[\w.]*\.{name}", page, re.DOTALL)


def test_formulas_are_set(site):
    page = (site / "concepts" / "index.html").read_text()
    assert page.count("<math") > 10 and "arithmatex" not in page


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|iframe)[^>]+src="([^"]+)"|<link[^>]+stylesheet[^>]+href="([^"]+)"', page.read_text()
        )
        assert not [address for pair in loaded for address in pair if "://" in address], page
