"""The version of auralflow that is installed."""

from importlib import metadata

try:
    VERSION = metadata.version("auralflow")
except metadata.PackageNotFoundError:
    VERSION = "unknown (a checkout that is not installed)"
