"""What can be measured, and what that needs."""

import importlib.util
import shutil

from auralflow_core.errors import InputError, MissingPackage, closest

METRICS = {
    "sdr": "SI-SDR and SDR of the whole track",
    "bss_eval": "these, and BSSEval's SDR, SIR, ISR and SAR",
    "museval": "these, with museval's own BSSEval",
}


def check_metrics(metrics: str) -> None:
    """Refuses metrics that are unknown, or cannot be measured here.

    Raises:
        InputError: they are not among `METRICS`.
        MissingPackage: they need what is not installed.
    """
    if metrics not in METRICS:
        raise InputError(f"unknown metrics {metrics!r}; {closest(metrics, METRICS)}")
    if metrics == "bss_eval" and not importlib.util.find_spec("jax"):
        raise MissingPackage("the metrics bss_eval need the package jax, which is not installed: pip install "
                             "auralflow; without it, the metrics sdr can be measured", name="jax")
    # museval looks for ffmpeg as soon as it is imported.
    if metrics == "museval" and not (importlib.util.find_spec("museval") and shutil.which("ffmpeg")
                                     and shutil.which("ffprobe")):
        raise MissingPackage("the metrics museval need the package museval (pip install 'auralflow[eval]'), and ffmpeg "
                             "and ffprobe on the PATH; bss_eval measures the same without them", name="museval")
