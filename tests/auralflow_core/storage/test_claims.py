"""Files that two processes would write at the same time: one of them does."""

import subprocess
import sys
import threading

import pytest

from auralflow_core.errors import InputError
from auralflow_core.storage.atomic import replacing_together
from auralflow_core.storage.claims import claiming

# Another process: it claims, says so, and waits for its standard input to end.
OTHER = """
import sys
from auralflow_core.storage.claims import claiming
with claiming(sys.argv[1], sys.argv[2:]):
    print("claimed", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    command = [sys.executable, "-c", OTHER, str(tmp_path), "a/vocals.wav", "a/bass.wav"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "claimed\n"
        yield process
        process.kill()


def test_what_another_process_writes_is_refused_and_everything_else_is_not(tmp_path, other):
    taken, free = tmp_path / "a" / "bass.wav", tmp_path / "b" / "bass.wav"
    with pytest.raises(InputError, match=r"a.bass\.wav: another run is writing it; wait until that ends, or"):
        with replacing_together(tmp_path, [taken, free]):
            pytest.fail("both would write")
    with replacing_together(tmp_path, [free]) as [aside]:
        aside.write_text("new")
    assert free.read_text() == "new" and not taken.exists()


@pytest.mark.parametrize("end", ["kill", "close"])
def test_a_claim_ends_with_its_process(tmp_path, other, end):
    other.kill() if end == "kill" else other.stdin.close()
    other.wait()
    with claiming(tmp_path, ["a/bass.wav"]):
        pass
    assert list(tmp_path.iterdir()) == []


def test_of_many_at_once_exactly_one_has_a_name(tmp_path):
    ready, done, outcomes = threading.Barrier(8), threading.Barrier(8), []

    def run():
        ready.wait()
        try:
            with claiming(tmp_path, ["song.wav"]):
                outcomes.append("written")
                done.wait()
        except InputError:
            outcomes.append("refused")
            done.wait()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 7 + ["written"]
