"""The figures of `auralflow_torch.visualizer`, under their documented name."""

from auralflow_core.optional import needs

with needs("torch"):
    from auralflow_torch.visualizer import (
        spec_show_diff,
        spectrogram_figure,
        training_curve_figure,
        waveform_figure,
        waveform_show_diff,
    )

__all__ = ["spec_show_diff", "spectrogram_figure", "training_curve_figure", "waveform_figure", "waveform_show_diff"]
