"""`python -m bridge`."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until signals are noted: an end without a traceback

from auralflow_core.console.exit_status import exit_status  # noqa: E402


def run() -> int:
    """Runs the command; its imports are long enough to be interrupted."""
    from bridge.cli import main

    return main()


sys.exit(exit_status("python -m bridge", run, is_process=True))
