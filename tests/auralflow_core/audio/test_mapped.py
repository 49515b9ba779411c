import subprocess
import sys

import numpy as np
import pytest

from auralflow_core.audio import mapped
from auralflow_core.audio.mapped import MappedFile

HELD = """
import resource, sys
from pathlib import Path
from auralflow_core.audio.mapped import MappedFile

def held():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

before = held()
with MappedFile(Path(sys.argv[1])) as data:
    found = [data.find(b"fLaC"), sum(data[place] for place in range(0, len(data), 4096))]
print(*found, held() - before)
"""


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_bytes_are_found_where_they_are(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(mapped, "PIECE", piece)
    content = np.random.default_rng(0).integers(0, 3, 400).astype(np.uint8).tobytes()
    (tmp_path / "file").write_bytes(content)
    with MappedFile(tmp_path / "file") as data:
        assert (data[:], data[17], data[-5:], data[350:20]) == (content, content[17], content[-5:], b"")
        for size in (1, 2, 5, 9):
            for sub in (content[200 : 200 + size], bytes([7]) * size):
                for ends in ((), (0,), (150,), (199, 205), (201, 390), (3, 1000), (500,)):
                    assert data.find(sub, *ends) == content.find(sub, *ends), (sub, ends)


def test_a_file_that_was_read_does_not_count_as_memory(tmp_path):
    with open(tmp_path / "file", "wb") as file:
        file.truncate(400 << 20)
    done = subprocess.run([sys.executable, "-c", HELD, tmp_path / "file"], capture_output=True, text=True, check=True)
    found, total, memory = map(int, done.stdout.split())
    assert (found, total) == (-1, 0) and memory < 100 << 20
