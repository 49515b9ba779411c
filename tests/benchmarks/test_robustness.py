"""A tenth of the damaged input of benchmarks/robustness, or less where it is dear."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from robustness import outcomes
from robustness.worker import KINDS, attempt

CASES = {"configurations": 20, "weights": 30, "recipes": 30, "audio": 0, "checkpoints": 2, "kills": 0}
MORE = {"configurations": 100, "weights": 140, "audio": 100, "checkpoints": 6, "kills": 10}


@pytest.fixture
def originals(tmp_path_factory):
    return tmp_path_factory.mktemp("originals")


def check(name, originals, numbers):
    kind = KINDS[name]
    kind.prepare(originals)
    faults = [
        (number, outcome.label, outcome.faults)
        for number in numbers
        for outcome in attempt(kind, originals, 0, number)
        if outcome.faults
    ]
    assert faults == []


@pytest.mark.parametrize("name", ["configurations", "recipes", "weights"])
def test_damaged_files_end_in_one_sentence(name, originals):
    check(name, originals, range(CASES[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_more_damaged_files_end_in_one_sentence(name, originals):
    check(name, originals, range(CASES[name], MORE[name]))


def test_a_traceback_a_leftover_and_a_long_message_are_faults(tmp_path):
    def fails():
        (tmp_path / ".a-123").touch()
        raise KeyError("a")

    def says(text):
        print(text, file=sys.stderr)
        return 2

    assert outcomes.run("x", fails, tmp_path).faults[0].startswith("traceback: KeyError at test_robustness.py")
    assert outcomes.run("x", lambda: 0, tmp_path).faults == ["half-written: .a-123"]
    (tmp_path / ".a-123").unlink()
    assert outcomes.run("x", lambda: says(f"auralflow: error: {tmp_path}: no"), tmp_path).faults == []
    assert outcomes.run("x", lambda: says(f"auralflow: 1 failed:\n  {tmp_path}: no"), tmp_path).faults == []
    for text in ("x" * 9000, f"auralflow: error: {tmp_path}\ntwo lines", "auralflow: error: no file"):
        assert len(outcomes.run("x", lambda text=text: says(text), tmp_path).faults) == 1
    assert outcomes.run("x", lambda: 139, tmp_path).faults == ["exit status 139", "not one sentence: ''"]
