"""`python -m auralflow` is the command `auralflow`."""

import sys

from auralflow.cli import main

sys.exit(main())
