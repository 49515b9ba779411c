"""The wheel `auralflow-onnx`, built as pip builds it: the same files as `auralflow`, with fewer dependencies."""

import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from distributions import ROOT, requirements

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


def build(folder: Path, to: Path) -> zipfile.ZipFile:
    done = subprocess.run([sys.executable, "-c", BUILD, to], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = to.iterdir()
    return zipfile.ZipFile(wheel)


@pytest.mark.slow
def test_both_wheels_have_the_same_files(tmp_path):
    pytest.importorskip("hatchling")
    wheels = []
    for folder in (ROOT, ROOT / "packaging" / "onnx"):
        (tmp_path / folder.name).mkdir()
        wheels.append(build(folder, tmp_path / folder.name))
    files = [{name for name in wheel.namelist() if ".dist-info/" not in name} for wheel in wheels]
    assert files[0] == files[1] and "auralflow_core/configs/models/TFCTDF.json" in files[0]
    assert "auralflow/studio/page/licences.txt" in files[0]
    (own,) = {name.partition("/")[0] for name in wheels[0].namelist() if ".dist-info/" in name}
    kept = {f"{own}/licenses/{name}" for name in ("LICENSE", "auralflow/studio/page/licences.txt")}
    assert kept <= {*wheels[0].namelist()}
    (info,) = {name.partition("/")[0] for name in wheels[1].namelist() if ".dist-info/" in name}
    described = message_from_bytes(wheels[1].read(f"{info}/METADATA"))
    assert (described["Name"], described["Version"]) == ("auralflow-onnx", PROJECT["version"])
    assert {*described.get_all("Requires-Dist")} == {*requirements("packaging/onnx")}
    assert b"auralflow = auralflow.__main__:main" in wheels[1].read(f"{info}/entry_points.txt")


def test_its_dependencies_are_some_of_the_others():
    of_extra = PROJECT["optional-dependencies"]["onnx"]
    ours = {*requirements("packaging/onnx")}
    assert ours > {*of_extra} and ours - {*of_extra} < {*PROJECT["dependencies"]}
