"""`python -m auralflow` is the command `auralflow`."""

import sys

from auralflow.cli.main import main

sys.exit(main())
