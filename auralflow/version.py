"""The version of auralflow that is installed."""

from importlib import metadata

WHEELS = ("auralflow", "auralflow-onnx")  # of the same sources; the second has fewer dependencies


def _installed() -> str:
    for name in WHEELS:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown (a checkout that is not installed)"


VERSION = _installed()
