"""Processes of the command `auralflow`, forked from one that has imported what it needs: each starts in milliseconds.

The file is the program of that process, too. It reads a line of JSON for each process to start, and answers with one.
"""

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PATIENCE = 200  # seconds in which a process ends, signal or not
# Nothing that these import may start a thread, which a fork would lose.
IMPORTED = (
    "auralflow.api.comparison auralflow.api.inspection auralflow.cli.main auralflow.pretrained auralflow.report.page "
    "auralflow.songs auralflow_jax auralflow_jax.models.registry auralflow_jax.train.run auralflow_torch bridge.cli "
    "bridge.conversion bridge.importers.msst bridge.training_state matplotlib.pyplot"
).split()


class Ended(NamedTuple):
    """The end of a process.

    Attributes:
        status: its exit status; a signal's number below 0 if that has ended it.
        seconds: how long it ran.
        message: what it wrote to standard error.
    """

    status: int
    seconds: float
    message: str


class Nursery:
    """Starts processes and waits for them.

    Args:
        cache: the folder for what is compiled, which all of them share.
    """

    def __init__(self, cache: Path):
        threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
        packages = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        compiled = {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            env=os.environ | threads | compiled | {"PYTHONPATH": packages, "JAX_PLATFORMS": "cpu"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str], folder: Path, number: int | None = None, after: float = 0.0) -> Ended:
        """Runs the command and waits for its end.

        Args:
            arguments: of the command.
            folder: the working directory; `tmp` and `cache` in it are the folders of those names.
            number: a signal, None for no signal.
            after: the seconds after which the process gets it.
        """
        request = {"arguments": arguments, "folder": str(folder), "number": number, "after": after}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        status, seconds = json.loads(self.process.stdout.readline())
        return Ended(status, seconds, (folder / "tmp" / "stderr").read_text(errors="replace"))

    def close(self) -> None:
        """Ends the process that the others come from."""
        self.process.communicate()


def serve() -> None:
    """Starts processes until the requests end; returns only in these, in which the command is to run."""
    for line in sys.stdin:
        request = json.loads(line)
        started = time.monotonic()
        if not (pid := os.fork()):
            return become(request)
        if request["number"] is not None and not ends(pid, request["after"]):
            os.kill(pid, request["number"])
        if not ends(pid, PATIENCE):
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        try:
            print(json.dumps([status, time.monotonic() - started]), flush=True)
        except BrokenPipeError:  # whoever has asked is gone
            os._exit(0)
    sys.exit()


def ends(pid: int, seconds: float) -> bool:
    """Whether a process ends within some seconds."""
    handle = os.pidfd_open(pid)
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def become(request: dict) -> None:
    """Makes this process that of a command which has just started."""
    folder = Path(request["folder"])
    os.chdir(folder)
    os.environ |= {"TMPDIR": str(folder / "tmp"), "XDG_CACHE_HOME": str(folder / "cache")}
    tempfile.tempdir = None
    (folder / "tmp").mkdir(exist_ok=True)
    for stream, target in enumerate((os.devnull, os.devnull, folder / "tmp" / "stderr")):
        os.dup2(os.open(target, os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    sys.argv = ["auralflow", *request["arguments"]]


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # so that the processes need not walk through all of it when they end
    serve()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as auralflow/__main__.py does
    sys.exit(importlib.import_module("auralflow.cli.main").main())
