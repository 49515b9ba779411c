"""`python -m auralflow` and the installed program are the command `auralflow`."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until signals are noted: an end without a traceback

from auralflow.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
