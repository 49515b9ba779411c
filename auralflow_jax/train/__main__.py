"""`python -m auralflow_jax.train` is `auralflow train`."""

import sys

from auralflow.cli.main import main

sys.exit(main(["train", *sys.argv[1:]]))
