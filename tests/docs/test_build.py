import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_reference_is_built_without_a_warning(tmp_path):
    pytest.importorskip("pdoc", reason="the extra docs is not installed")
    process = subprocess.run(
        [sys.executable, ROOT / "docs" / "build.py", tmp_path], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert process.returncode == 0 and process.stdout == process.stderr == "", process.stderr
    modules = {
        path.relative_to(ROOT).with_suffix("")
        for package in ("auralflow", "auralflow_jax", "auralflow_torch", "bridge")
        for path in ROOT.glob(f"{package}/**/*.py")
    }
    wanted = {module.parent if module.name == "__init__" else module for module in modules if module.name != "__main__"}
    assert {page.relative_to(tmp_path).with_suffix("") for page in tmp_path.glob("*/**/*.html")} >= {
        module for module in wanted if len(module.parts) > 1
    }
    page = (tmp_path / "auralflow_torch" / "datasets.html").read_text()
    assert 'href="../auralflow/tracks.html#Track"' in page  # links lead from package to package
    assert re.search(r"<strong>Example:</strong></p>\s*<div class=\"[^\"]*codehilite\">", page)  # it is code
