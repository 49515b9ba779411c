"""Metrics in decibels: the quick ones of training, and BSSEval's."""

from auralflow_torch.metrics.bss_eval import BssEval, References, bss_eval
from auralflow_torch.metrics.si_sdr import sdr, si_sdr, si_sdr_from_sums

__all__ = ["BssEval", "References", "bss_eval", "sdr", "si_sdr", "si_sdr_from_sums"]
