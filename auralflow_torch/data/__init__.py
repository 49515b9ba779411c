"""Datasets of tracks for torch DataLoaders: crops read from disk as they are needed, or tracks in memory."""

from auralflow_torch.data.audio_folder import AudioFolder
from auralflow_torch.data.datasets import AudioDataset, create_audio_dataset

__all__ = ["AudioDataset", "AudioFolder", "create_audio_dataset"]
