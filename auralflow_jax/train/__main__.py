"""`python -m auralflow_jax.train` is `auralflow train`."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until signals are noted: an end without a traceback

from auralflow.cli.main import main  # noqa: E402

sys.exit(main(["train", *sys.argv[1:]]))
