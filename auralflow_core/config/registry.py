"""The models by name, those of other packages included."""

from typing import TypeVar

import msgspec

from auralflow_core.config.complex_spectrogram import ComplexSpectrogramConfig
from auralflow_core.config.model import ModelConfig
from auralflow_core.config.networks.audio_net import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE, WaveformConfig
from auralflow_core.config.networks.band_split_roformer import BSRoformer, MelBandRoformer
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
from auralflow_core.config.training import DatasetConfig, TrainingConfig, VisualizerConfig
from auralflow_core.registry import Registry

Struct = TypeVar("Struct", bound=type[ModelConfig])

# The structs whose settings are read by what stands around a network, by family.
FAMILIES: dict[str, type[ModelConfig]] = {
    "spectrogram": SpectrogramConfig,
    "complex": ComplexSpectrogramConfig,
    "audio": WaveformConfig,
    "hybrid": SpectrogramConfig,
}
GROUPS = {"dataset": DatasetConfig, "training": TrainingConfig, "visualizer": VisualizerConfig}
MODELS: Registry[type[ModelConfig]] = Registry("auralflow.networks")


def register(struct: Struct) -> Struct:
    """Adds a model's struct of settings to `MODELS`, under its own name; usable as a decorator.

    Args:
        struct: extends SpectrogramConfig, ComplexSpectrogramConfig or WaveformConfig; every field has a default.

    Returns:
        The struct.

    Raises:
        ValueError: it is no such struct, a field has no default or the name of a setting of another group, or
            another struct has its name.

    Example:
        @register
        class Whisper(SpectrogramConfig):
            width: Annotated[Positive, doc("features of each frame")] = 8
    """
    name = struct.__name__
    if not issubclass(struct, ModelConfig) or struct.__struct_config__.tag != name:
        bases = "SpectrogramConfig, ComplexSpectrogramConfig or WaveformConfig"
        raise ValueError(f"{name} must extend {bases} and leave its tag as it is")
    family = FAMILIES.get(getattr(struct, "FAMILY", ""))
    if family is None or not issubclass(struct, family):
        raise ValueError(
            f"{name}: FAMILY must be one of {', '.join(FAMILIES)}, and the struct extend the family's own: "
            f"{', '.join(f'{key} {value.__name__}' for key, value in FAMILIES.items())}"
        )
    for field in msgspec.structs.fields(struct):
        if field.required:
            raise ValueError(f"{name}.{field.name} needs a default: the template of new model folders is made of them")
        for group, others in GROUPS.items():
            if field.name in others.__struct_fields__:
                raise ValueError(f"{name}.{field.name} is the name of a setting of the group {group} already")
    MODELS.add(name, struct)
    return struct


for _struct in (
    SpectrogramNetSimple,
    SpectrogramNetLSTM,
    SpectrogramNetVAE,
    AudioNetSimple,
    AudioNetSimpleLSTM,
    AudioNetVAE,
    HybridNet,
    SpleeterNet,
    OpenUnmix,
    BSRoformer,
    MelBandRoformer,
    HTDemucs,
    SCNet,
    TFCTDF,
    HDemucs,
):
    register(_struct)
