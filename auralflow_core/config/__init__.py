"""The configuration of a model: four groups of frozen, validated settings, stored as config.json.

The model's group has a struct for each network; `register` adds those of other packages, and so do entry points of
the group `auralflow.networks`. Leaf names are unique over all groups, so that a flat flag (`--dropout_p 0.4`) finds
its key.
"""

from auralflow_core.config.base import doc
from auralflow_core.config.complex_spectrogram import ComplexSpectrogramConfig
from auralflow_core.config.keywords import config_or_keywords, from_keywords
from auralflow_core.config.model import ModelConfig
from auralflow_core.config.networks.audio_net import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE, WaveformConfig
from auralflow_core.config.networks.band_split_roformer import BandSplitRoformer, BSRoformer, MelBandRoformer
from auralflow_core.config.networks.h_demucs import HDemucs
from auralflow_core.config.networks.ht_demucs import HTDemucs
from auralflow_core.config.networks.hybrid_net import HybridNet
from auralflow_core.config.networks.open_unmix import OpenUnmix
from auralflow_core.config.networks.scnet import SCNet
from auralflow_core.config.networks.spectrogram_net import (
    SpectrogramConfig,
    SpectrogramNetLSTM,
    SpectrogramNetSimple,
    SpectrogramNetVAE,
)
from auralflow_core.config.networks.spleeter import SpleeterNet
from auralflow_core.config.networks.tfc_tdf import TFCTDF
from auralflow_core.config.parsing import differing_keys, from_dict, groups_of, override, template, to_dict
from auralflow_core.config.registry import MODELS, register
from auralflow_core.config.schema import Config
from auralflow_core.config.stft import StftConfig
from auralflow_core.config.training import DatasetConfig, TrainingConfig, VisualizerConfig

__all__ = [
    "MODELS",
    "TFCTDF",
    "AudioNetSimple",
    "AudioNetSimpleLSTM",
    "AudioNetVAE",
    "BSRoformer",
    "BandSplitRoformer",
    "ComplexSpectrogramConfig",
    "Config",
    "DatasetConfig",
    "HDemucs",
    "HTDemucs",
    "HybridNet",
    "MelBandRoformer",
    "ModelConfig",
    "OpenUnmix",
    "SCNet",
    "SpectrogramConfig",
    "SpectrogramNetLSTM",
    "SpectrogramNetSimple",
    "SpectrogramNetVAE",
    "SpleeterNet",
    "StftConfig",
    "TrainingConfig",
    "VisualizerConfig",
    "WaveformConfig",
    "config_or_keywords",
    "differing_keys",
    "doc",
    "from_dict",
    "from_keywords",
    "groups_of",
    "override",
    "register",
    "template",
    "to_dict",
]
