"""`python -m bridge`."""

import sys

from auralflow_core.console.exit_status import exit_status


def run() -> int:
    """Runs the command; its imports are long enough to be interrupted."""
    from bridge.cli import main

    return main()


sys.exit(exit_status("python -m bridge", run, is_process=True))
