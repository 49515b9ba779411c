"""The datasets of `auralflow_torch.datasets`, under their documented name."""

from auralflow.extras import needs

with needs("torch"):
    from auralflow_torch.datasets import AudioDataset, AudioFolder, create_audio_dataset

__all__ = ["AudioDataset", "AudioFolder", "create_audio_dataset"]
