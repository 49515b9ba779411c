"""The networks, and the registry that makes a model of a configuration."""

import jax.numpy as jnp
import msgspec

from auralflow_core import config as configuration
from auralflow_core.config import Config, SpectrogramConfig, WaveformConfig
from auralflow_jax.networks.estimate import Estimate
from auralflow_jax.networks.hybrid_net import HybridModel, HybridNet
from auralflow_jax.layers.front_end import SpectrogramModel
from auralflow_jax.models.base import SeparationModel
from auralflow_jax.networks.open_unmix import OpenUnmix
from auralflow_jax.networks.spectrogram_net import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE
from auralflow_jax.networks.spleeter import SpleeterNet
from auralflow_jax.networks.audio_net import AudioModel, AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE

__all__ = ["AudioNetSimple", "AudioNetSimpleLSTM", "AudioNetVAE", "Estimate", "HybridNet", "OpenUnmix",
           "SeparationModel", "SpectrogramNetLSTM", "SpectrogramNetSimple", "SpectrogramNetVAE", "SpleeterNet",
           "build"]

# By the names of the configuration's structs.
NETWORKS = {network.__name__: network for network in (
    SpectrogramNetSimple, SpectrogramNetLSTM, SpectrogramNetVAE, AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE,
    HybridNet, SpleeterNet, OpenUnmix)}
# What makes a model of a network, by the configuration that it is or extends, the nearest first.
FAMILIES = {SpectrogramConfig: SpectrogramModel, WaveformConfig: AudioModel, configuration.HybridNet: HybridModel}


def build(config: Config) -> SeparationModel:
    """The model that a configuration describes.

    Returns:
        An object with `init(key, samples)`, `apply(variables, mixture, train, key) -> Estimate`,
        `apply_and_update` and `describe(audio)`, the same for every family.
    """
    model = config.model
    network = NETWORKS[type(model).__name__]
    settings = msgspec.structs.asdict(model) | model.sizes(config.crop_samples)
    settings["dtype"] = jnp.dtype(config.training.precision)
    known = network.__dataclass_fields__.keys()
    family = next(FAMILIES[kind] for kind in type(model).__mro__ if kind in FAMILIES)
    return family(network(**{name: value for name, value in settings.items() if name in known - {"name"}}), model)
