"""The datasets of `auralflow_torch.data`, under their documented name."""

from auralflow_core.optional import needs

with needs("torch"):
    from auralflow_torch.data import AudioDataset, AudioFolder, create_audio_dataset

__all__ = ["AudioDataset", "AudioFolder", "create_audio_dataset"]
