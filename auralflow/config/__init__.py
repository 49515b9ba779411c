"""The configuration of a model: four groups of frozen, validated settings, stored as config.json.

Leaf names are unique over all groups, so that a flat flag (`--dropout_p 0.4`) finds its key.
"""

from auralflow.config.foreign import OpenUnmix, SpleeterNet
from auralflow.config.hybrid import HybridNet
from auralflow.config.model import ModelConfig
from auralflow.config.parsing import differing_keys, from_dict, groups_of, override, template, to_dict
from auralflow.config.settings import MODELS, Config
from auralflow.config.spectrogram import (
    SpectrogramConfig,
    SpectrogramNetLSTM,
    SpectrogramNetSimple,
    SpectrogramNetVAE,
)
from auralflow.config.training import DatasetConfig, TrainingConfig, VisualizerConfig
from auralflow.config.waveform import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE, WaveformConfig

__all__ = ["MODELS", "AudioNetSimple", "AudioNetSimpleLSTM", "AudioNetVAE", "Config", "DatasetConfig", "HybridNet",
           "ModelConfig", "OpenUnmix", "SpectrogramConfig", "SpectrogramNetLSTM", "SpectrogramNetSimple",
           "SpectrogramNetVAE", "SpleeterNet", "TrainingConfig", "VisualizerConfig", "WaveformConfig", "differing_keys",
           "from_dict", "groups_of", "override", "template", "to_dict"]
