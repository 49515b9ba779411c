"""Converters of other projects: whether they are installed, and the networks that they do not take."""

from importlib.util import find_spec

import pytest

from auralflow.backends import EXPORTERS

# (network, kind of file) -> a pattern of the reason. All others are exported and agree with the model.
REFUSED = {
    ("MelBandRoformer", "tflite"): "its runtime does not take what was converted: RuntimeError: Only update, Add",
    (
        "SCNet",
        "executorch",
    ): "ExecuTorch does not take this network: RuntimeError: Output node .* already in the inputs",
    ("SpleeterNet", "tflite"): "LiteRT's converter does not take this network: .*convolution",
    ("TFCTDF", "tflite"): "LiteRT's converter does not take this network: ",
}


def require(to):
    """Skips a test where packages that make files of a kind are missing; imports none of them into this process."""
    for package in EXPORTERS[to].packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
