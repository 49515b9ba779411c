import subprocess
import sys

import pytest

from auralflow_core.errors import InputError
from auralflow_core.storage.lock import sole_run

HOLD = """
import sys
from auralflow_core.storage.lock import sole_run

with sole_run(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_runs_in_one_folder_are_one_sentence(tmp_path):
    folder = tmp_path / "model"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"^{folder}: another run is writing to this folder"), sole_run(folder):
            pass
        other.kill()  # the system ends the lock of a process that dies
    with sole_run(folder), pytest.raises(InputError, match="another run"), sole_run(folder):
        pass
    with sole_run(folder):
        pass
