"""Signals, in processes that note them."""

import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

BEGIN = """
import gc, os, signal, sys, time
from auralflow_core.console import interrupts
from auralflow_core.console.exit_status import exit_status
def ready():
    print("ready", flush=True)
"""
END = "\nsys.exit(exit_status('auralflow', run, is_process=True))"

POLLS = """
def run():
    ready()
    while True:
        time.sleep(0.01)
        interrupts.check()
"""
# An exception in a callback of the collector would be lost, and shown with its traceback.
IN_A_CALLBACK = """
def callback(*args):
    gc.callbacks.clear()
    ready()
    time.sleep(1)
def run():
    gc.callbacks.append(callback)
    gc.collect()
    interrupts.check()
    print("swallowed")
"""
IN_A_DESTRUCTOR = """
class Slow:
    def __del__(self):
        ready()
        time.sleep(1)
def run():
    Slow()
    interrupts.check()
    print("swallowed")
"""
LAST_MOMENT = """
def run():
    ready()
    time.sleep(1)
    return 0
"""
AS_AN_ERROR = """
def run():
    ready()
    time.sleep(1)
    raise OSError("the program that was started has died of the signal, too")
"""
NEVER_POLLS = """
interrupts.PATIENCE = 0.3
def run():
    ready()
    while True:
        time.sleep(0.01)
"""
AT_EXIT = """
import atexit
def late():
    ready()
    time.sleep(5)
atexit.register(late)
def run():
    pass
"""
SCRIPTS = (POLLS, IN_A_CALLBACK, IN_A_DESTRUCTOR, LAST_MOMENT, AS_AN_ERROR, NEVER_POLLS, AT_EXIT)


def start(script):
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + script + END], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_signal_ends_the_process_with_a_word(script, number, word):
    process = start(script)
    process.send_signal(number)
    output, error = process.communicate(timeout=20)
    assert (process.returncode, output, error) == (130, "", f"auralflow: {word}\n")


def test_the_second_signal_ends_at_once():
    process = start("def run():\n    ready()\n    time.sleep(30)\n    time.sleep(30)\n")
    started = time.monotonic()
    while process.poll() is None and time.monotonic() - started < 4:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert process.communicate(timeout=20) == ("", "auralflow: interrupted\n") and process.returncode == 130
    assert time.monotonic() - started < 4  # before its patience ends


def test_signals_that_are_ignored_stay_ignored():
    script = "\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ndef run():\n    ready()\n    time.sleep(0.5)\n"
    process = start(script)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "") and process.returncode == 0


def test_a_process_that_ends_at_once_leaves_no_files(tmp_path):
    script = NEVER_POLLS.replace(
        "    ready()",
        "    from auralflow_core.storage.staging import staging\n"
        f"    folder = staging({str(tmp_path)!r})\n    (folder.__enter__() / 'large').touch()\n    ready()",
    )
    process = start(script)
    assert list(tmp_path.rglob("large"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130 and list(tmp_path.iterdir()) == []
    process.communicate()


def test_handlers_are_put_back_where_the_process_goes_on():
    from auralflow_core.console.exit_status import exit_status

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    during = []
    exit_status("auralflow", lambda: during.append(signal.getsignal(signal.SIGINT)))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before != during


@pytest.mark.parametrize("module", ["auralflow", "auralflow_jax.train", "bridge"])
def test_a_signal_during_the_first_imports_shows_no_traceback(module):
    """Ctrl-C comes while the command's own first module is looked for."""
    code = """
import os, runpy, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name in ("auralflow.cli.main", "auralflow_core.console.exit_status"):
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = ["--help"]
runpy.run_module(MODULE, run_name="__main__")
""".replace("MODULE", repr(module))
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (process.returncode, process.stdout, process.stderr) == (-signal.SIGINT, "", "")


def test_the_installed_program_begins_like_the_module():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["scripts"] == {"auralflow": "auralflow.__main__:main"}
