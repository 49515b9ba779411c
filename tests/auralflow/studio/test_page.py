"""The page about the server is followed word for word."""

import io
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

PAGE = (Path(__file__).parents[3] / "docs" / "serve.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_blocks_of_the_page(server, song, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(song, "song.mp3")
    (_, start), (_, send), (_, fetch) = [
        (language, text.replace("127.0.0.1:8765", f"127.0.0.1:{server.port}")) for language, text in BLOCKS
    ]
    assert start == "auralflow serve --model my_model\n"  # which the fixture did
    done = subprocess.run([*shlex.split(send), "--silent", "--show-error"], capture_output=True, text=True, check=True)
    job = server.wait(json.loads(done.stdout), "done", "failed")
    assert (job["state"], job["name"]) == ("done", "song")
    exec(compile(fetch, "serve.md", "exec"), {})
    for stem in job["stems"]:
        sent = io.BytesIO(server.ask("GET", f"/api/jobs/{job['id']}/stems/{stem}")[2])
        # Of another job, whose files have the second in which they were written in their headers.
        np.testing.assert_array_equal(sf.read(tmp_path / stem)[0], sf.read(sent)[0])


def test_the_table_names_all_addresses(server):
    row = re.compile(r"^\| `(?:GET|POST|DELETE) (.*?) \|", re.MULTILINE)
    named = {
        address.strip("` ")
        .partition("?")[0]
        .replace("ID", "{id}")
        .replace("STEM", "{stem}")
        .replace("/FORMAT", "/{format}")
        for cell in row.findall(PAGE)
        for address in cell.split(",")
    }
    assert named == set(server.get("/api/openapi.json")["paths"])
